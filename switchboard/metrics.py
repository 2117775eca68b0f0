"""What monitoring counts and times, in a registry of each switchboard's own. No words, numbers or ids.

docs/running.md says what each figure means and when it should wake somebody; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from switchboard.conversations import Message
from switchboard.offers import ABOUT_PEOPLE, is_answer

GUIDANCE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TURN_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0)
RECORD_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
LIMITS = ("start", "message", "text", "stream_conversation", "stream_address", "stream_total", "busy", "sign_in",
          "sign_in_busy", "body", "slow", "unsigned")  # fmt: skip
KINDS = ("answer", "options", "unknown", "refused", "person", "other", "failed")


class Metrics:
    """The figures of one switchboard. Counting costs a few microseconds."""

    def __init__(self) -> None:
        self.registry = made = CollectorRegistry()
        ProcessCollector(registry=made)
        self.messages = Counter("haven_messages", "Visitors' messages stored", ["channel", "level"], registry=made)
        self.guidance_seconds = Histogram(
            "haven_guidance_seconds", "From a message of danger to its guidance", ["channel"],
            buckets=GUIDANCE_BUCKETS, registry=made)
        self.answers = Counter("haven_answers", "Answers of the bot", ["kind"], registry=made)
        self.turn_seconds = Histogram(
            "haven_turn_seconds", "What the assistant took for a turn", buckets=TURN_BUCKETS, registry=made)
        self.assistant_failures = Counter("haven_assistant_failures", "Turns without an answer", registry=made)
        self.transaction_seconds = Histogram(
            "haven_transaction_seconds", "Writing transactions", buckets=RECORD_BUCKETS, registry=made)
        self.record_errors = Counter("haven_record_errors", "The record could not be reached", registry=made)
        self.limits = Counter("haven_limits", "Requests that met a limit", ["kind"], registry=made)
        self.unstored = Counter("haven_unstored", "Messages that could not be stored", registry=made)
        for kind in LIMITS:
            self.limits.labels(kind)
        for kind in KINDS:
            self.answers.labels(kind)
        self._gauges(made)

    def _gauges(self, made: CollectorRegistry) -> None:
        """What is read when somebody asks (switchboard.vitals)."""
        self.streams = Gauge("haven_event_streams", "Open event streams", ["kind"], registry=made)
        self.staff_present = Gauge("haven_staff_present", "Staff at the console", registry=made)
        self.waiting = Gauge("haven_waiting_visitors", "Visitors who need a person", registry=made)
        self.longest_wait = Gauge("haven_longest_wait_seconds", "The longest of these waits", registry=made)
        self.deliveries = Gauge("haven_deliveries", "Texts out, of the last day, by state", ["state"], registry=made)
        self.oldest_delivery = Gauge("haven_oldest_delivery_seconds", "Age of the oldest text that waits",
                                     registry=made)
        self.deliveries_failed = Gauge("haven_deliveries_failed", "Texts of the last day that did not arrive",
                                       registry=made)
        self.proven = Gauge("haven_proven_timestamp_seconds", "When the way of a danger was last proven", ["channel"],
                            registry=made)
        self.part_up = Gauge("haven_part_up", "1 where a part works", ["part"], registry=made)
        self.guard_whole = Gauge("haven_guard_whole", "0 where the guard works by rules alone", registry=made)
        self.lane_waiting = Gauge("haven_lane_waiting", "Messages that wait to be read for danger", registry=made)

    def took_in(self, channel: str, level: str) -> None:
        """One visitor's message was stored."""
        self.messages.labels(channel, level).inc()

    def answered(self, words: Iterable[Message], *, failed: bool) -> None:
        """One turn of the bot was stored."""
        self.answers.labels("failed" if failed else _kind(list(words))).inc()

    def limited(self, kind: str) -> None:
        """One of LIMITS was met."""
        self.limits.labels(kind).inc()


def _kind(words: list[Message]) -> str:
    """The class of an answer; the first message that has one decides."""
    responses = [message.response or "" for message in words]
    if any(is_answer(response) or response.startswith("utter_source/") for response in responses):
        return "answer"
    if any(response in ABOUT_PEOPLE for response in responses):
        return "person"
    if any(response.startswith("utter_unsupported/") or response in ("utter_unknown", "utter_out_of_scope")
           for response in responses):
        return "unknown"
    if "utter_harmful_decline" in responses:
        return "refused"
    return "options" if any(message.options for message in words) else "other"
