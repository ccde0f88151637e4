"""The nouns of Digest, as frozen values: nothing here reads, writes or asks the time."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path

# ---------------------------------------------------------------- papers


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One research paper, whoever listed it. `None` always means *not known*, never *none*."""

    id: str
    """Canonical id: arXiv id without version, else DOI, else the source's own, else `title:<key>`."""
    title: str
    source: str
    """The kind of source that named it first: `huggingface`, `listing`, ..."""
    abstract: str | None = None
    authors: tuple[str, ...] | None = None
    n_authors: int | None = None
    """May be known where the names are not (listings say "10 authors")."""
    organization: str | None = None
    organization_slug: str | None = None
    """Its account at Hugging Face, by which readers may follow it too."""
    published: date | None = None
    url: str | None = None
    code_url: str | None = None
    project_url: str | None = None
    keywords: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other canonical ids that its list gave for it, such as a DOI beside an arXiv id. The store keeps them
    beside the paper: one that was read from there has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a list said about a paper at one moment."""

    at: datetime
    listed_on: date | None = None
    """The day of the list the paper stood on."""
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A paper as one list shows it, with what was observed there."""

    paper: Paper
    observation: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one page, file or answer held: its entries in its own order, and what could not be read."""

    layout: str
    """How it was recognised, for people: `text A`, `huggingface API`, ..."""
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()
    day: date | None = None
    """The page's own date, where it states one."""
    expected: int | None = None
    """How many entries it says it has (`showing 79 of 90`), where it says so."""
    quiet: str = ""
    """Why it has no entries, where that is as it should be: `no list on weekends`, in lower case."""
    by_calendar: bool = False
    """Whether `quiet` is known of the day itself, such as a weekend or a holiday, and not only said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How many papers the list of a day had at a moment."""

    day: date
    at: datetime
    papers: int


class SourceState(StrEnum):
    """How the last harvest of a source went; from `partly` on, a person may have to act."""

    FINE = "fine"
    """Read whole; what it lost for good before, its problem says."""
    QUIET = "quiet"
    """It has no list that day, and says or is known to."""
    FILLING = "filling"
    """Its list is still shorter than usual at this hour."""
    PARTLY = "partly"
    """Some of its lists could not be read; the newest is not among them, or may be a part of it."""
    STALE = "stale"
    """It gave the list of an earlier day where a new one is due."""
    DOWN = "down"
    """It could not be reached, or would not answer."""
    STRANGE = "strange"
    """What it gave is not what it was taken for, or far less than usual."""

    @property
    def is_good(self) -> bool:
        """Whether it gave what was there to be had."""
        return self in (SourceState.FINE, SourceState.QUIET, SourceState.FILLING)


# ---------------------------------------------------------------- readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A phrase the reader cares for (or avoids), its weight 1..10, and other ways to say it."""

    phrase: str
    weight: float
    aliases: tuple[str, ...] = ()


class QuietDay(StrEnum):
    """What the reader wants on a day without picks."""

    SILENT = "silent"
    NOTE = "note"
    TRENDING = "trending"


class Every(StrEnum):
    """How often a reader has an edition: each of the `days`, or the first of them in each week or month."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Days without an edition."""

    begins: date | None = None
    """The first such day; `None`: it has begun."""
    until: date | None = None
    """The first day with an edition again; `None`: until the reader says so."""

    def covers(self, day: date) -> bool:
        """Whether there is no edition on this day of the reader's calendar."""
        return (self.begins is None or self.begins <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One reader: where and when the edition goes, and what it is chosen by."""

    name: str
    """The profile file's name without `.toml`; identifies the reader in store and commands."""
    email: str
    display_name: str = ""
    timezone: str = "UTC"
    send_at: time = time(7, 30)
    days: frozenset[int] = frozenset(range(7))
    """Weekdays of editions, Monday = 0."""
    every: Every = Every.DAY
    pause: Pause | None = None
    max_papers: int = 8
    threshold: int = 35
    on_quiet_day: QuietDay = QuietDay.SILENT
    interests: tuple[Interest, ...] = ()
    avoid: tuple[Interest, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    liked: tuple[str, ...] = ()
    """Canonical ids of papers that teach the taste."""
    liked_files: tuple[Path, ...] = ()
    """Files that mention more of them by arXiv id or DOI (BibTeX, CSL-JSON, plain lists)."""
    outside_interests: int = 2
    """How many papers may be shown because they trend, though they match nothing."""
    exploration: int = 0
    """How many papers may be shown that come close to the taste and are unlike what it picks."""
    language: str = "en"
    """BCP 47 tag of the language that editions are written in: `en`, `de-AT`, ..."""
    wait_until: time | None = None
    """Until when an edition may wait for a list that is still filling; `None`: it does not wait."""


class Verdict(StrEnum):
    """What a reader said of a paper."""

    LIKE = "like"
    DISLIKE = "dislike"


# ---------------------------------------------------------------- judgement


class ReasonKind(StrEnum):
    """Where points come from."""

    INTEREST = "interest"
    AVOID = "avoid"
    AUTHOR = "author"
    ORGANIZATION = "organization"
    LIKED = "liked"
    DISLIKED = "disliked"


class Where(StrEnum):
    """How a paper says a phrase: in its title, in its abstract, or only by meaning."""

    TITLE = "title"
    ABSTRACT = "abstract"
    NEAR = "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Some of a score's points, and what they were given (or taken) for."""

    kind: ReasonKind
    about: str
    """The phrase, the name that is followed, or the title of the liked or disliked paper."""
    points: int
    where: Where | None = None
    """Of phrases only."""
    said: str = ""
    """The alias by which a paper says the phrase, where it is not the phrase itself."""
    words: tuple[str, ...] = ()
    """The words of the paper that carried it, as written there; the mail marks them."""

    @property
    def label(self) -> str:
        """In English: `self-supervised learning (title)`, `like Barlow Twins`, `follows allenai`."""
        match self.kind:
            case ReasonKind.AUTHOR | ReasonKind.ORGANIZATION:
                return f"follows {self.about}"
            case ReasonKind.LIKED:
                return f"like {self.about}"
            case ReasonKind.DISLIKED:
                return f"like {self.about}, which you disliked"
        if self.where is Where.NEAR:
            return f"near {self.about}"
        name = f"{self.about}, as “{self.said}”" if self.said else self.about
        return f"{name} ({self.where})" if self.where else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """0..100 for one paper and one reader; where reasons are told, `value == sum(reason.points)`, always."""

    value: int
    reasons: tuple[Reason, ...] = ()
    followed: bool = False
    """A followed author or organisation wrote it: shown whatever the value."""
    avoided: bool = False
    """It has what the reader avoids, or is like what she disliked: never shown just because it trends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Votes and their meaning: the paper is in the top `percent` of the `among` papers of its list day."""

    upvotes: int
    percent: int
    among: int
    over: Every = Every.DAY
    """`week` or `month`: they are the papers of an edition's period instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored paper that an edition may show: what is known of it and how it trends."""

    paper: Paper
    first_seen: datetime
    observation: Observation | None = None
    trend: Trend | None = None


# ---------------------------------------------------------------- editions


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a language model wrote about a paper; shown with the model's name, always."""

    text: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A paper shown in an edition, with its score."""

    candidate: Candidate
    score: Score
    twins: tuple[Candidate, ...] = ()
    """Papers that say almost the same, folded into this one's card."""
    summary: Summary | None = None

    @property
    def paper(self) -> Paper:
        """The paper itself."""
        return self.candidate.paper


class SectionName(StrEnum):
    """The parts of an edition, in the order they are shown."""

    PICKS = "picks"
    TRENDING = "trending"
    EXPLORATION = "exploration"
    LATE = "late"
    ALSO = "also"


class NoteKind(StrEnum):
    """What a reader should know of how an edition came about."""

    SOURCE = "source"
    """A source could not be read completely."""
    PARTIAL = "partial"
    """A list was still much shorter than usual."""
    EMBEDDING = "embedding"
    """The embedding model was out of order."""
    LIKED = "liked"
    """Something about the reader's own files of liked papers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing a reader should know; only the fields its kind needs are set."""

    kind: NoteKind
    name: str = ""
    """Of the source."""
    day: date | None = None
    """When it went wrong."""
    state: SourceState | None = None
    """For `source`: `down`, `stale` or `strange` if its newest list is lacking; else some of it is. For
    `partial`: the same of a source that gave no list, and is waited for."""
    last_good: date | None = None
    """For `source`: the day of its last good list; `None` if there is none."""
    detail: str = ""
    """For `liked`: what is the matter, in English, as `digest check` says it."""
    number: int = 0
    usual: int = 0
    """For `partial`: how many papers the list had, and how many it has in the end on other days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Some picks under one heading."""

    name: SectionName
    picks: tuple[Pick, ...]


class Outcome(StrEnum):
    """How a reader's day stands or ended."""

    READY = "ready"
    """A message waits, or is going out: the only one that is never the end of a day."""
    SENT = "sent"
    QUIET = "quiet"
    """Nothing new reached the threshold."""
    NO_LIST = "no_list"
    """No source had a new paper."""
    NOT_READY = "not_ready"
    """The reader wants the list to be whole, and it was still short: waited for, until `wait_until`."""
    SOURCE_DOWN = "source_down"
    """No new paper, and a source could not be read."""
    PAUSED = "paused"
    """The reader wanted none."""
    FAILED = "failed"
    """Refused, bounced, suppressed, or could not be made."""
    UNKNOWN = "unknown"
    """It may have arrived: the connection was lost while it went out."""
    EXPIRED = "expired"
    """Not made or not sent in time: its papers come in the next edition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a weekly or monthly edition looks back on: days of the reader's calendar, both included.

    After an absence, it is longer than a week or a month.
    """

    every: Every
    """`week` or `month`."""
    first: date
    last: date

    def covers(self, day: date) -> bool:
        """Whether it is one of those days."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some days of a period, and how many papers stood on their lists: a row of an edition's chart."""

    first: date
    last: date
    """Included."""
    listed: int
    matched: int
    """How many of those reached the reader's threshold, or are by whom the reader follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Everything one reader's mail of one day says, before any layout."""

    profile: Profile
    day: date
    """The reader's local date."""
    at: datetime
    """The moment the edition carries as its Date: aware, in the reader's zone."""
    outcome: Outcome
    considered: int
    """How many unseen papers were scored."""
    n_new: int | None = None
    """How many of those considered were first seen after the reader's last edition; `None` where there was
    none: then all are new."""
    sections: tuple[Section, ...] = ()
    misses: tuple[Pick, ...] = ()
    """The best that stayed below the threshold, best first."""
    notes: tuple[Note, ...] = ()
    """What the reader should know of today's sources."""
    period: Period | None = None
    """Of a weekly or monthly edition, with all days that were looked at; `None` of a daily one."""
    chart: tuple[Stretch, ...] = ()
    """The period's days of a week, or weeks of a month, in their order; empty in a daily one."""
    since: date | None = None
    """The first day looked at, where the last edition is longer ago than usual; `None` where it is not."""
    n_had: int = 0
    """How many papers were not considered, as the reader had them before or spoke of them."""

    @property
    def n_known(self) -> int:
        """How many of those considered the reader's last edition could have had, too."""
        return 0 if self.n_new is None else self.considered - self.n_new

    def section(self, name: SectionName) -> tuple[Pick, ...]:
        """The picks of one section; empty if the edition has none."""
        return next((s.picks for s in self.sections if s.name is name), ())

    @property
    def shown(self) -> tuple[Pick, ...]:
        """Every pick of every section, in order."""
        return tuple(pick for section in self.sections for pick in section.picks)


# ---------------------------------------------------------------- delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends the editions, and how a reader gets out of them."""

    address: str
    """RFC 5322 addr-spec, the domain in ASCII; also the envelope sender."""
    name: str = "Digest"
    list_id: str = "digest.localhost"
    """RFC 2919 list identifier, without angle brackets."""
    unsubscribe_email: str = ""
    """Where a mail asking to stop goes; the sender's own address if empty."""
    unsubscribe_url: str = ""
    """https address that stops editions on POST (RFC 8058); empty where there is no web part."""
    contact: str = ""
    """Who runs this, for the foot of the mail: a name, an address, or both."""


class DeliveryState(StrEnum):
    """Where a message stands on its way out."""

    QUEUED = "queued"
    SENDING = "sending"
    """Claimed by a process, its body not out yet."""
    UNKNOWN = "unknown"
    """Its body went out, or was about to: on record before that. Without an end, it is on its way now."""
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"


class Phase(StrEnum):
    """How far an attempt came; RFC 5321's commands, in their order."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    TLS = "TLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"
    """From the first byte of the message to the reply to its dot."""
    WRITE = "write"
    """Of a folder or Maildir."""

    @property
    def is_arriving(self) -> bool:
        """Whether it is on the way in, up to the login: the relay has heard of no message yet."""
        return self in (Phase.CONNECT, Phase.BANNER, Phase.EHLO, Phase.STARTTLS, Phase.TLS, Phase.AUTH)

    @property
    def is_before_recipient(self) -> bool:
        """Whether the recipient is not yet named: any other message would fare the same."""
        return self.is_arriving or self is Phase.MAIL

    @property
    def has_recipient(self) -> bool:
        """Whether the relay knows the recipient: a no for good may be about it, and before only about us."""
        return self in (Phase.RCPT, Phase.DATA, Phase.BODY)


class Failure(StrEnum):
    """Whose matter a failed attempt is, which says what to do next."""

    TRANSIENT = "transient"
    """May pass by itself: tried again later."""
    RECIPIENT = "recipient"
    """Permanent, about this recipient: given up."""
    SENDER = "sender"
    """Permanent, about us or our way out: nothing can go that way until a person acts."""
    AUTHENTICATION = "authentication"
    """The login was refused: the same, and more tries may lock the account."""
    UNKNOWN = "unknown"
    """The connection was lost after the body began: it may have arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """RFC 5321: where the message is from and where it goes; one recipient per message."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A finished RFC 5322 message and its envelope."""

    envelope: Envelope
    message_id: str
    subject: str
    data: bytes
    """CRLF line ends, no line over 998 bytes (RFC 5322, 2.1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one try to hand a message over ended."""

    state: DeliveryState
    """`sent`; `queued` (try again); `failed` (given up); `unknown` (lost after the body); `expired`."""
    reply: str
    """What the other side said, or what broke, in one line."""
    phase: Phase | None = None
    """How far it came; `None` where it was not begun."""
    failure: Failure | None = None
    """Whose matter it is; `None` if all went well."""
    code: int | None = None
    """RFC 5321's three digits; `None` where there was no reply."""
    enhanced: str = ""
    """RFC 3463's code, such as `5.1.1`; empty where the reply had none."""
    fix: str = ""
    """What a person can do about it; empty where nothing."""

    @property
    def stops(self) -> bool:
        """Whether nothing else can go out that way until a person acts."""
        return self.failure in (Failure.SENDER, Failure.AUTHENTICATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message in the store and how it stands."""

    profile: str
    day: date
    message: Message
    state: DeliveryState
    attempts: int = 0
    """How often it was claimed. It fences, too: what a claim of a lower number wants to say is void."""
    deferrals: int = 0
    """How often it failed in a way that may pass; from it follows how long to wait."""
    relay: str = ""
    """The way out that has it, or had it last."""
    reply: str = ""
    may_have_arrived: bool = False
    """Whether an attempt before this one ended as unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An attempt as the record keeps it."""

    number: int
    relay: str
    began_at: datetime
    ended_at: datetime | None
    """`None` while it is under way."""
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that gets no mail until a person lifts it."""

    address: str
    reason: str
    """What was said of it, in one line: the reply, the bounce, or by whom it was added."""
    at: datetime
