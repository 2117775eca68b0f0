"""The tables of the record. Times are whole milliseconds since 1970 in UTC. Used by the switchboard."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# `practice`: the id of the person who learns with it, if no visitor is behind it; never in figures, wakes nobody.
# One conversation. `owner` is "bot", "waiting" or "staff:<id>"; `epoch` grows at every change of owner.
# `handled_seq`: visitors' messages up to here were answered, or passed to people.
# `data_key`: what seals this conversation's words, wrapped (switchboard/records/keyring.py); erasing it erases them.
# Columns marked "sealed" hold them. `consent`: version of the notice it began with (consent_texts), and when.
conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("address", sa.String(64)),
    sa.Column("language", sa.String(2), nullable=False, server_default="en"),
    sa.Column("owner", sa.String(40), nullable=False, server_default="bot"),
    sa.Column("epoch", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_seq", sa.Integer, nullable=False, server_default="0"),
    sa.Column("handled_seq", sa.Integer, nullable=False, server_default="0"),
    sa.Column("read_seq", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_since", sa.BigInteger),
    sa.Column("handoff", sa.JSON),  # sealed
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("erased_at", sa.BigInteger),
    sa.Column("practice", sa.Integer),
    sa.Column("data_key", sa.String(120)),
    sa.Column("consent", sa.String(16)),
    sa.Column("consent_at", sa.BigInteger),
    sa.Index("ix_conversations_owner", "owner", "waiting_since"),
    sa.Index("ix_conversations_updated_at", "updated_at"),
    sa.Index("ix_conversations_address", "channel", "address"),
)

# One message. `client_id` is the sender's own id: the widget's, or the carrier's MessageSid. `text` holds text, name of
# staff, danger, sources and options, sealed as one; `response` and `choice` name texts of ours.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("author", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False, server_default="text"),
    sa.Column("text", sa.Text, nullable=False),  # sealed
    sa.Column("language", sa.String(2), nullable=False, server_default="en"),
    sa.Column("client_id", sa.String(64)),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("answers_seq", sa.Integer),
    sa.Column("response", sa.String(80)),
    sa.Column("choice", sa.String(80)),
    sa.UniqueConstraint("conversation", "client_id"),
)

# A danger that staff must look at, until one of them accepts it.
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("level", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("why", sa.JSON, nullable=False),  # sealed; [] where its words are gone
    sa.Column("raised_at", sa.BigInteger, nullable=False),
    sa.Column("accepted_at", sa.BigInteger),
    sa.Column("accepted_by", sa.Integer, sa.ForeignKey("staff.id")),
    sa.Index("ix_alerts_open", "accepted_at", "conversation"),
)

# A promise to call back, from the form the action server runs.
callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("name", sa.Text),  # sealed
    sa.Column("number", sa.String(300), nullable=False),  # encrypted (switchboard/numbers.py)
    sa.Column("call_when", sa.Text, nullable=False),  # sealed
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("done_by", sa.Integer, sa.ForeignKey("staff.id")),
)

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("login", sa.String(80), nullable=False, unique=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("role", sa.String(16), nullable=False, server_default="staff"),
    sa.Column("password", sa.String(200), nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("locked_until", sa.BigInteger),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("disabled_at", sa.BigInteger),
    sa.Column("capacity", sa.Integer, nullable=False, server_default="6"),
    sa.Column("paused_at", sa.BigInteger),
    sa.Column("totp", sa.String(64)),
    sa.Column("totp_step", sa.BigInteger),
    sa.Column("email", sa.String(200)),
    sa.Index("ix_staff_email", "email", unique=True),
)

# A login. Only the hash of its secret is kept.
staff_sessions = sa.Table(
    "staff_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("staff", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)

# A conversation taken by a person, from the claim to its end: who waited how long, and how it ended
# ("returned", "closed", "transferred", "lost", "erased"). `urgent`: a danger was open when it was taken.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("staff", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("claimed_at", sa.BigInteger, nullable=False),
    sa.Column("spoke_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("how", sa.String(16)),
    sa.Index("ix_claims_open", "ended_at", "conversation"),
    sa.Index("ix_claims_staff", "staff", "claimed_at"),
    sa.Index("ix_claims_conversation", "conversation"),
)

# A conversation that its owner has offered to a colleague, who has not accepted yet.
transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("by_staff", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("to_staff", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
)

# How a conversation went, in four fields at most.
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("staff", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("result", sa.String(32), nullable=False),
    sa.Column("danger", sa.String(32), nullable=False),
    sa.Column("referred", sa.String(32), nullable=False),
    sa.Column("note", sa.Text),  # sealed
)

# Something to come back to on a day (ISO date, the centre's own calendar).
follow_ups = sa.Table(
    "follow_ups",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("due", sa.String(10), nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # sealed
    sa.Column("made_by", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("done_by", sa.Integer, sa.ForeignKey("staff.id")),
)

# What Haven follows through after acute guidance, one row a conversation; it begins anew with a new danger.
# `seq`: the message that told it. `step`: steps shown so far; `asked`: how often silence was asked about.
# `how` it ended: "safe" (the visitor said so), "staff" (a person looked), "left" (the exit button), "old".
follow_through = sa.Table(
    "follow_through",
    metadata,
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("began_at", sa.BigInteger, nullable=False),
    sa.Column("step", sa.Integer, nullable=False, server_default="0"),
    sa.Column("asked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("naloxone_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("how", sa.String(16)),
)

# Something to say at a time, whatever restarts meanwhile; whoever sets `done_at` says it.
deadlines = sa.Table(
    "deadlines",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("step", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Index("ix_deadlines_open", "done_at", "due_at"),
    sa.Index("ix_deadlines_conversation", "conversation", "done_at"),
)

# Whether an answer helped, told by a button; the answer is named, no words are kept.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("response", sa.String(80)),
    sa.Column("helped", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

# What became of a question the bot could not answer: a new wording of an answer, a draft of a new one, or
# nothing ("variant", "answer", "none"). `question` is redacted; `draft` holds what an answer of data/faq needs.
drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("question", sa.String(400), nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("asked", sa.Integer, nullable=False),
    sa.Column("answer", sa.String(40)),
    sa.Column("draft", sa.JSON),
    sa.Column("made_by", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("exported_at", sa.BigInteger),
    sa.Column("withdrawn_at", sa.BigInteger),
)

# The opening hours as a supervisor set them; the newest row counts, the others are history. `week` is a list of
# spans ("08:00-20:00") per weekday from Monday, `holidays` ISO dates.
opening_hours = sa.Table(
    "opening_hours",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("time_zone", sa.String(64), nullable=False),
    sa.Column("week", sa.JSON, nullable=False),
    sa.Column("holidays", sa.JSON, nullable=False),
    sa.Column("set_by", sa.Integer, sa.ForeignKey("staff.id"), nullable=False),
    sa.Column("set_at", sa.BigInteger, nullable=False),
)

# Who did or saw what at the console. Rows are only ever added, and go after years alone; no visitor's words stand here.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("staff", sa.Integer, sa.ForeignKey("staff.id")),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("conversation", sa.String(32)),
    sa.Column("detail", sa.String(300)),
    sa.Index("ix_audit_at", "at"),
    sa.Index("ix_audit_conversation", "conversation"),
)

# A number that texts. `address` is its keyed hash, also in conversations.address; `number` is encrypted; `ours` is the
# number of ours it wrote to last. `consent_text`: what it was told before anything else was sent, word for word.
sms_contacts = sa.Table(
    "sms_contacts",
    metadata,
    sa.Column("address", sa.String(64), primary_key=True),
    sa.Column("number", sa.String(300), nullable=False),
    sa.Column("ours", sa.String(64), nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("consent_at", sa.BigInteger),
    sa.Column("consent_text", sa.Text),
    sa.Column("opted_out_at", sa.BigInteger),
    sa.Column("opted_out_how", sa.String(40)),
)

# A text that came in, for good: what a MessageSid once led to stays known after the words are erased.
sms_inbound = sa.Table(
    "sms_inbound",
    metadata,
    sa.Column("sid", sa.String(64), primary_key=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_sms_inbound_conversation", "conversation"),
)

# A message that goes out by text (its words stand in messages), or one part of it. switchboard/sms/deliveries.py has
# the states. `inbound`: the text whose own response carried it. `status`: the carrier's latest and highest word.
sms_deliveries = sa.Table(
    "sms_deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("part", sa.Integer, nullable=False, server_default="1"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("weighty", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("inbound", sa.String(64)),
    sa.Column("sid", sa.String(64)),
    sa.Column("status", sa.String(16)),
    sa.Column("error", sa.Integer),
    sa.Column("segments", sa.Integer),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("claimed_at", sa.BigInteger),
    sa.Column("accepted_at", sa.BigInteger),
    sa.Column("alarmed_at", sa.BigInteger),
    sa.UniqueConstraint("conversation", "seq", "part"),
    sa.Index("ix_sms_deliveries_due", "state", "due_at"),
    sa.Index("ix_sms_deliveries_sid", "sid"),
    sa.Index("ix_sms_deliveries_inbound", "inbound"),
)

# What came to the text door without a good signature: kept, encrypted, for a person to look at; never answered.
sms_quarantine = sa.Table(
    "sms_quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("path", sa.String(40), nullable=False),
    sa.Column("why", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

# A conversation of a number that may be somebody else's now: nothing of it goes out until staff confirm.
sms_seals = sa.Table(
    "sms_seals",
    metadata,
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("why", sa.String(16), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("confirmed_at", sa.BigInteger),
    sa.Column("confirmed_by", sa.Integer, sa.ForeignKey("staff.id")),
)

# A check-in by text that somebody was offered, asked for, got, or ended. `due_at` is a moment; `zone` the time zone it
# was chosen in.
sms_checkins = sa.Table(
    "sms_checkins",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.String(32), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("zone", sa.String(40)),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("offered_by", sa.Integer, sa.ForeignKey("staff.id")),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Index("ix_sms_checkins_due", "state", "due_at"),
    sa.Index("ix_sms_checkins_conversation", "conversation"),
)

# What stands once for the whole record: "key" is its own wrapped data key, by which a start knows that its master keys
# are the right ones; "purge" is when the last daily purge began.
record_state = sa.Table(
    "record_state",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("at", sa.BigInteger, nullable=False),
)

# What visitors on the website were told before they wrote, word for word; `version` is the beginning of its SHA-256.
consent_texts = sa.Table(
    "consent_texts",
    metadata,
    sa.Column("version", sa.String(16), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
)

# A switchboard that runs on this record (PostgreSQL). `state` says which staff are at it (switchboard.fleet); one
# that has not been seen for some seconds is gone. `seen_at` is the database's clock.
switchboards = sa.Table(
    "switchboards",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)

# The switchboard that is getting the bot's answer to a conversation, and until when (switchboard.turns).
turns = sa.Table(
    "turns",
    metadata,
    sa.Column("conversation", sa.String(32), primary_key=True),
    sa.Column("switchboard", sa.String(32), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)

# The call to the person on call, one row: taken up when, made when, about which conversations (none: all clear).
on_call = sa.Table(
    "on_call",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("claimed_at", sa.BigInteger, nullable=False),
    sa.Column("told_at", sa.BigInteger, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),
)
