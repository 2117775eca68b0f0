"""The assistant's one channel: the switchboard asks, a turn at a time, over loopback. Runs inside Rasa."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from assistant.components.faq_retriever import OPTIONS, SECOND, selector
from haven import logs
from haven.content import Content
from haven.errors import HavenError
from haven.notes import with_notes
from haven.settings import load_settings
from haven.text import without_command

logger = logging.getLogger(__name__)

ENTRIES = ("utter_faq/", "utter_unsupported/")  # responses that are entries of the content
LEAVE_SECONDS = 5.0  # so that a model that stays broken does not fill the log
PROBE = "what is naloxone"  # read once after the start, to see that the model works


class Collected(OutputChannel):
    """Collects what the bot says in one turn; `name` picks the responses' channel variants."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.replies: list[dict[str, Any]] = []

    def name(self) -> str:  # Rasa asks an instance here; stock channels answer for the class
        return self._channel

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Keep one response with its name, its sources and any custom payload."""
        metadata = message.get("metadata") or {}
        self.replies.append({
            "text": message.get("text"),
            "response": message.get("utter_action") or metadata.get("utter_action"),
            "sources": metadata.get("sources") or [],
            "options": [],
            "custom": message.get("custom") or {},
        })


class NotLoopback(HavenError):
    """Rasa was told to listen where others can reach it."""


async def must_be_loopback(app: Sanic, _: object = None) -> None:
    """Refuse to serve anywhere but on this machine: Rasa listens on every address unless it is told otherwise."""
    host = str(app.state.host or "every address")
    if host not in ("localhost", "::1") and not host.startswith("127."):
        raise NotLoopback(f"The assistant must listen on this machine alone, not on {host}. Start it with `bin/haven "
                          "run`, or give `rasa run` the option --interface 127.0.0.1.")


class SwitchboardChannel(InputChannel):
    """POST /webhooks/haven/turns answers with everything the bot says to one message."""

    @classmethod
    def name(cls) -> str:
        return "haven"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> SwitchboardChannel:
        settings = load_settings()
        logs.dress(settings.log)  # Rasa logs whole action calls when an action fails
        return cls(settings.loopback_secret, Content.load(settings.data), shared=settings.assistant_shared)

    def __init__(
        self, secret: str, content: Content, today: Callable[[], date] = date.today, *, shared: bool = False
    ) -> None:
        """`shared`: switchboards on other machines ask here too; the secret alone keeps others out."""
        self._shared = shared
        self._today = today
        self._expected = f"Bearer {secret}"
        self._content = content
        self._proven = False

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Rasa mounts this at /webhooks/haven."""
        blueprint = Blueprint("haven_channel", "haven_channel")
        if not self._shared:
            blueprint.before_server_start(must_be_loopback)

        @blueprint.listener("after_server_start")
        async def prove(app: Sanic, _: Any) -> None:
            if not await self._works(app):
                app.add_task(_leave())

        @blueprint.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            return response.json({}, status=200 if await self._works(request.app) else 503)

        @blueprint.post("/turns")
        async def turns(request: Request) -> HTTPResponse:
            if not self._is_ours(request):
                return response.json({"error": "forbidden"}, status=403)
            return response.json({"replies": await self._turn(request, on_new_message)})

        @blueprint.post("/forget")
        async def forget(request: Request) -> HTTPResponse:
            if not self._is_ours(request):
                return response.json({"error": "forbidden"}, status=403)
            # The store is wrapped by Rasa's fail-safe one.
            request.app.ctx.agent.tracker_store._tracker_store.forget(request.json["conversation"])
            return response.json({"replies": []})

        return blueprint

    async def _works(self, app: Sanic) -> bool:
        """Whether a model is loaded and has read a message; a broken one is found here, not by a visitor."""
        agent = getattr(app.ctx, "agent", None)
        if not (agent and agent.is_ready()):
            return False
        if not self._proven:
            try:
                self._proven = bool((await agent.parse_message(PROBE))["intent"]["name"])
            except Exception:  # whatever a model may raise, it is not ready
                logger.exception("the model cannot read a message")
        return self._proven

    def _is_ours(self, request: Request) -> bool:
        sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, self._expected.encode())

    async def _turn(self, request: Request, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> list:
        body = request.json
        output = Collected(body["channel"])
        metadata = {key: body.get(key) for key in ("channel", "crisis", "staff", "language", "offer", "topic")}
        await on_new_message(UserMessage(
            without_command(body["text"]), output, body["conversation"], input_channel=self.name(),
            metadata=metadata, parse_data=_chosen(body)))
        tracker = await request.app.ctx.agent.tracker_store.retrieve(body["conversation"])
        parsed = tracker.latest_message.parse_data if tracker and tracker.latest_message else {}
        if SECOND in parsed and output.replies:
            nlg = request.app.ctx.agent.processor.nlg
            second = await nlg.generate(f"utter_{parsed[SECOND]}", tracker, output.name())
            await output.send_response(body["conversation"], {**second, "utter_action": f"utter_{parsed[SECOND]}"})
            output.replies.insert(1, output.replies.pop())  # before what is said about a person
            self._announce_two(output.replies[0], body)
        return self._with_options([self._with_notes(reply, body) for reply in output.replies], parsed)

    def _announce_two(self, first: dict[str, Any], body: dict[str, Any]) -> None:
        """Who asked two things hears so, since the more urgent comes first; a text message has no room for it."""
        if body["channel"] != "sms":
            said = self._content.texts["two_questions"].say(language=body.get("language") or "en")
            first["text"] = f"{said}\n{first['text']}"

    def _with_notes(self, reply: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """The reply with what has to be said beside its answer."""
        entry = {**self._content.answers, **self._content.unsupported}.get((reply["response"] or "").partition("/")[2])
        if entry is None or not (reply["response"] or "").startswith(ENTRIES):
            return reply
        text = with_notes(self._content, entry, reply["text"], language=body.get("language") or "en",
                          channel=body["channel"], today=self._today())
        return {**reply, "text": text}

    def _with_options(self, replies: list[dict[str, Any]], parsed: dict[str, Any]) -> list[dict[str, Any]]:
        """The questions that may have been meant go out with the reply as buttons."""
        candidates = [label.partition("/")[2] for label in parsed.get(OPTIONS) or []]
        if candidates and replies:
            replies[0]["options"] = [
                {"title": self._content.answers[answer].question, "choice": f"faq/{answer}"}
                for answer in candidates if answer in self._content.answers]
        return replies


async def _leave() -> None:
    """End this process: Rasa would run on for good without a model; the runner starts it with what is there then."""
    logger.critical("the model cannot be used; the assistant ends and is started again")
    await asyncio.sleep(LEAVE_SECONDS)
    os._exit(1)


def _chosen(body: dict[str, Any]) -> dict[str, Any] | None:
    """What a tapped option means, so that it need not be read again; None for typed text."""
    choice = body.get("choice")
    if not choice or not choice.startswith("faq/"):
        return None
    language = {"entity": "language", "value": body.get("language") or "en"}
    return {"text": body["text"], "intent": {"name": "faq", "confidence": 1.0}, "entities": [language],
            "response_selector": selector(choice, 1.0)}
