// The interface's words in the visitor's language; what is said in the conversation comes from the switchboard.

const LANGUAGES = ["en", "es"];

/** The words in use: the default export of en.js or es.js, which stand beside the script. */
export let words;

export async function speak(language, folder) {
  words = (await import(new URL(`${language}.js`, folder))).default;
}

/** The first of the given language tags that the widget speaks; English otherwise. */
export function pickLanguage(...tags) {
  return tags.map((tag) => (tag || "").slice(0, 2).toLowerCase()).find((tag) => LANGUAGES.includes(tag)) || "en";
}
