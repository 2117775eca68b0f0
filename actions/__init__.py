"""The custom action server: asking for staff, opening hours, the call-back form. Runs on rasa-sdk."""
