"""Editions of invented papers, all of one day: what the gallery shows and the checks of the mail read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from digest.model import (
    Candidate,
    Edition,
    Every,
    Interest,
    Note,
    NoteKind,
    Observation,
    Outcome,
    Paper,
    Period,
    Pick,
    Profile,
    QuietDay,
    Reason,
    ReasonKind,
    Score,
    Section,
    SectionName,
    Sender,
    SourceState,
    Stretch,
    Summary,
    Trend,
    Where,
)

DAY = date(2026, 3, 11)
AT = datetime(2026, 3, 11, 7, 30, tzinfo=ZoneInfo("Europe/London"))

SENDER = Sender(
    address="digest@lab.example.org",
    list_id="papers.lab.example.org",
    unsubscribe_email="digest+stop@lab.example.org",
    unsubscribe_url="https://lab.example.org/digest/stop/4f1a2b",
    contact="Ottoline, library@lab.example.org",
)
PLAIN_SENDER = Sender(address="digest@example.org")
"""Of a machine without a web part: the only way out is a mail."""

ADA = Profile(
    name="ada",
    email="ada@example.org",
    display_name="Ada",
    timezone="Europe/London",
    on_quiet_day=QuietDay.NOTE,
    exploration=1,
    interests=(
        Interest(phrase="self-supervised learning", weight=8, aliases=("SSL",)),
        Interest(phrase="speculative decoding", weight=6, aliases=("draft model", "lookahead decoding")),
        Interest(phrase="protein language models", weight=5),
        Interest(phrase="data curation", weight=4),
        Interest(phrase="calibration", weight=3),
    ),
    avoid=(Interest(phrase="survey", weight=3),),
    authors=("Rosalind Achterberg",),
    organizations=("Halvorsen Institute",),
)


# ---------------------------------------------------------------- reasons


def in_title(phrase: str, points: int, *words: str, said: str = "") -> Reason:
    """Points for an interest that the title has."""
    return _interest(phrase, points, words or (phrase,), Where.TITLE, said)


def in_abstract(phrase: str, points: int, *words: str, said: str = "") -> Reason:
    """Points for an interest that only the abstract has."""
    return _interest(phrase, points, words or (phrase,), Where.ABSTRACT, said)


def near(phrase: str, points: int, *words: str) -> Reason:
    """Points for an interest that the paper only comes near."""
    return _interest(phrase, points, words, Where.NEAR, "")


def _interest(phrase: str, points: int, words: tuple[str, ...], where: Where, said: str) -> Reason:
    return Reason(
        kind=ReasonKind.INTEREST,
        about=phrase,
        points=points,
        where=where,
        said=said,
        words=words,
    )


def liked(title: str, points: int, *words: str) -> Reason:
    """Points for being like a paper that the reader likes."""
    return Reason(kind=ReasonKind.LIKED, about=title, points=points, words=words)


def disliked(title: str, points: int, *words: str) -> Reason:
    """Points taken for being like a paper that the reader disliked."""
    return Reason(kind=ReasonKind.DISLIKED, about=title, points=points, words=words)


def avoided(phrase: str, points: int) -> Reason:
    """Points taken for a phrase in the title that the reader avoids."""
    return Reason(kind=ReasonKind.AVOID, about=phrase, points=points, where=Where.TITLE, words=(phrase,))


def follows_author(name: str, points: int) -> Reason:
    """Points for an author whom the reader follows."""
    return Reason(kind=ReasonKind.AUTHOR, about=name, points=points)


def follows_organization(name: str, points: int) -> Reason:
    """Points for an organisation that the reader follows."""
    return Reason(kind=ReasonKind.ORGANIZATION, about=name, points=points)


# ---------------------------------------------------------------- papers


def invented(number: int, title: str, abstract: str, authors: Iterable[str] = (), **fields: Any) -> Paper:
    """A paper that nobody wrote, under an id that arXiv never gives (no month has 95,000 papers)."""
    known: dict[str, Any] = {"source": "huggingface", "published": date(2026, 3, 10)}
    if names := tuple(authors):
        known["authors"] = names
    return Paper(
        id=f"2603.{number}", title=title, abstract=" ".join(abstract.split()) or None, **(known | fields)
    )


def listed(paper: Paper, votes: int = 0, percent: int = 0, comments: int = 0, stars: int = 0) -> Candidate:
    """The paper with what a list of today says of it; a trend where `percent` is given."""
    seen = Observation(
        at=AT, listed_on=DAY, upvotes=votes or None, comments=comments or None, stars=stars or None
    )
    trend = Trend(upvotes=votes, percent=percent, among=64) if percent else None
    return Candidate(paper=paper, first_seen=AT, observation=seen, trend=trend)


def picked(candidate: Candidate | Paper, *reasons: Reason, **fields: Any) -> Pick:
    """A pick whose score is the sum of its reasons."""
    kinds = {reason.kind for reason in reasons}
    score = Score(
        value=sum(reason.points for reason in reasons),
        reasons=reasons,
        followed=bool(kinds & {ReasonKind.AUTHOR, ReasonKind.ORGANIZATION}),
        avoided=bool(kinds & {ReasonKind.AVOID, ReasonKind.DISLIKED}),
    )
    known = candidate if isinstance(candidate, Candidate) else listed(candidate)
    return Pick(candidate=known, score=score, **fields)


AFTERNOON = invented(
    95001,
    "One Afternoon of Video Is Enough: Self-Supervised Learning from a Single Camera in a Single Park",
    """Self-supervised learning is said to need the whole internet. We give it one afternoon instead: six
    hours of video from a camera that somebody left on a bench. A student network predicts where each patch
    will be two seconds later, and is asked again whenever a dog walks through the picture. The features it
    learns reach 71.8 % on a linear probe, four points below a model that saw ninety million pictures.
    Most of the gap is explained by the absence of boats. We release the video, the dog detector, and an
    apology to everybody who wanted to sit down.""",
    ("Ottoline Vreeswick", "Teodor Hällmark", "Jun-ho Baekseon"),
    organization="Halvorsen Institute",
    organization_slug="halvorsen",
    code_url="https://github.com/example/one-afternoon",
    project_url="https://one-afternoon.example.org",
)
DRAFTS = invented(
    95002,
    "Drafts That Know When to Stop: Speculative Decoding with a Draft Model That Doubts Itself",
    """In speculative decoding a small draft model guesses several tokens, and a large one checks them in a
    single pass. How many it should guess is usually fixed in advance, which wastes work on hard passages and
    caution on easy ones. We let the draft model stop by itself: one extra output, trained on a thousand
    prompts, says how likely the next guess is to be thrown away. Over six tasks this accepts 5.3 tokens a
    pass instead of 3.9, and the text is provably the one that the large model would have written. The extra
    output takes 0.2 % of the time and eleven lines of code.""",
    (
        "Priyamvada Kottarathil",
        "Casimir Wołoszewicz",
        "Ikaika Kealohanui",
        "Sofía Berrocaleda",
        "Lorcan Pell",
    ),
    n_authors=11,
    organization="Kestrel Compute",
    code_url="https://github.com/example/doubtful-drafts",
)
DRAFTS_TWIN = invented(
    95003,
    "Self-Doubting Drafts for Faster Speculative Decoding",
    """A draft model that estimates its own chance of being rejected can choose its length by itself.
    We train such an estimate and find that decoding becomes a third faster.""",
    ("Milou van Aarnhem",),
)
DRAFTS_OTHER_TWIN = invented(
    95004,
    "When Should a Draft End? Adaptive Lengths for Lookahead Decoding",
    """We ask when lookahead decoding should stop looking ahead. A threshold on the entropy of the draft is
    almost as good as an oracle.""",
    ("Benedikt Oostrum", "Aino Särkelä"),
)
DECORRELATED = invented(
    95005,
    "The Redundancy Dividend: Why Features That Repeat Themselves Transfer Better",
    """Methods that learn without labels often punish features for saying the same thing twice. We show that
    a little repetition is worth keeping. Across 48 encoders, those whose features overlap by about a tenth
    transfer best to new tasks, and fully decorrelated ones fall behind as soon as the pictures are noisy.
    A simple argument about error-correcting codes predicts the best overlap to within two percent. We propose
    a penalty that leaves this tenth alone and gain 1.9 points on average over nine data sets.""",
    ("Rosalind Achterberg", "Kwabena Asiedu-Boateng", "Liv Thorvaldsdóttir"),
    organization="University of Norrviken",
    published=date(2026, 3, 9),
)
FOLDING = invented(
    95006,
    "Folding Without Relatives: Protein Language Models for Orphan Sequences",
    """Protein language models fold well what has many relatives in the data bases. Orphan sequences have none,
    and for them the predictions are confident and wrong. We find that the models copy the fold of the longest
    common fragment, whatever surrounds it. Training with fragments moved between proteins removes this habit,
    and raises the share of orphans folded within four ångström from 31 to 52 percent. The new model also says
    so when it does not know, which our colleagues at the bench have come to like best.""",
    ("Maud Ekelöf", "Tendai Mukwashi", "Giancarlo Bassofondo", "Hye-jin Noh"),
    organization="Tidewater Biology Lab",
    code_url="https://github.com/example/orphan-fold",
)
CURATION = invented(
    95007,
    "Throw Half of It Away, but Which Half? Data Curation as a Two-Player Game",
    """Filters for training data are judged by the model that comes out, which costs weeks a try. We cast data
    curation as a game between a filter, which removes documents, and a small critic, which tries to tell from
    the losses on what remains that something is missing. At the equilibrium the filter removes 54 % of a web
    crawl, and a model of three billion parameters trained on the rest is better on 17 of 20 tasks. What goes
    is mostly what one would expect; what stays includes a surprising number of recipes.""",
    ("Ingeborg Falkenrath", "Yusuf Adebayo-Cole", "Marguerite Ashdown"),
    organization="Open Crawl Collective",
)
CALIBRATED = invented(
    95008,
    "Ninety Percent Sure of What? A Careful Look at Calibration under Paraphrase",
    """A model that is right nine times out of ten when it says "ninety percent" is called well calibrated.
    We ask it the same question in twelve wordings. The answers agree, and the stated confidence differs by
    23 points on average. Calibration measured on one wording therefore says little about the next. Averaging
    over four paraphrases removes most of the effect, and a short fine-tuning on agreement removes the rest at
    no cost at inference.""",
    ("Dagny Ostrowska", "Emeka Chukwuma-Hale"),
    published=date(2026, 3, 8),
)
SKETCHES = invented(
    95009,
    "Learning by Leaving Out: Masked Sketches as Teachers for Vision Encoders",
    """Masking patches of a photograph is a popular way to train vision encoders. We mask the strokes of a
    drawing instead. A drawing has little texture to lean on, so the network must guess what is meant rather
    than what is near. Trained on two million sketches made from photographs, the encoder is the equal of one
    trained on fifty million photographs when objects must be recognised by their shape. It remains unable to
    recognise a horse drawn by the third author.""",
    ("Philippa Quarrendon", "Anselm Rautavaara", "Noor El-Tahtawy", "Bram Duivestein"),
    n_authors=6,
    organization="Atelier for Machine Perception",
    project_url="https://leaving-out.example.org",
)
QUEUES = invented(
    95010,
    "The Long Tail of Latency: a Small Survey of One Overworked GPU",
    """Median latency is what papers report; users remember the slowest answer. We trace one graphics card that
    serves 340 people for a month and find that one request in two hundred takes forty times the median. Nearly
    all of these waited behind a single long prompt. Splitting such prompts, and checking guesses of a draft
    model only while the queue is short, cuts the slowest percent from 19 seconds to 3. The mean grows by four
    milliseconds, and nobody complained.""",
    ("Renske Hoogstraten", "Ciarán Mac Giolla", "Dipankar Sensharma"),
    organization="Kestrel Compute",
)
AGENTS = invented(
    95011,
    "The Agent Will See You Now: Ten Thousand Appointments Made by Software with Software",
    """We let two scheduling agents loose on each other's calendars for a month. They made 10,412 appointments,
    of which 9,988 were kept and 31 were between the agents themselves. Politeness grew without limit: by the
    third week an average exchange took fourteen messages, twelve of them thanks. A rule that each message must
    move the appointment closer restores brevity, and lowers costs by 83 percent.""",
    ("Wilhelmina Abernathy-Cho", "Fintan O'Rahilly"),
    organization="Pocketwatch AI",
)
ROBOTS = invented(
    95012,
    "Folding Laundry at the Speed of a Patient Teenager",
    """Robots fold towels well and shirts badly. We collect 900 hours of people folding shirts while talking on
    the phone, and train a policy on their hands alone. It folds a shirt in 48 seconds with a success rate of
    94 %, and does not stop when the shirt is inside out. Socks remain open, in both senses.""",
    ("Ezinne Okwuosa", "Torvald Brekkhus", "Mei-Ling Arcangeli"),
    n_authors=23,
    organization="Second Shift Robotics",
    code_url="https://github.com/example/patient-teenager",
)
TIDES = invented(
    95013,
    "Forecasting Tides from Postcards: Weak Labels at the Edge of the Sea",
    """Two centuries of seaside postcards show how high the water stood, and the stamp says when. We read 61,000
    of them and train a model that forecasts tides at 140 harbours without a single gauge. The errors are twice
    those of a gauge and a thousandth of its price. Learning from such labels needs a loss that forgives a wrong
    century but never a wrong hour; we derive one and show that it is proper.""",
    ("Cordelia Penhaligon", "Ishaan Raghunath"),
    organization="Harbour Mathematics Group",
)
LATE = invented(
    95014,
    "A Second Opinion Costs One Token: Cheap Verification for Self-Supervised Depth",
    """Depth learned without labels is wrong in mirrors, windows and puddles. We add one token to the encoder
    whose only task is to disagree. Where it does, a second estimate from another frame is consulted. This
    removes two thirds of the worst errors in self-supervised learning of depth and costs one percent of the
    time. Puddles are now the best understood part of our test city.""",
    ("Saskia Brouwershaven", "Obinna Eze-Lindgren", "Pádraig Whelan"),
    organization="Lantern Vision",
    published=date(2026, 3, 6),
)
LATE_TOO = invented(
    95015,
    "Small Proteins, Large Vocabularies: Tokenising Sequences by What They Do",
    """Protein language models read one amino acid at a time. We cut sequences where function changes instead,
    with a vocabulary of 4,096 pieces learned from annotations. Perplexity does not improve; everything that
    biologists measure does. A binding site that took forty tokens now takes three.""",
    ("Leocadia Winterbourne", "Tomasz Grzelakowski"),
    published=date(2026, 3, 5),
)

ALSO_TITLES = (
    (95021, "Contrast Without Contrast: Self-Supervised Learning on Flat Images", 51, ""),
    (95022, "Batching the Unbatchable: Speculative Decoding for Ragged Queues", 49, "speculative decoding"),
    (95023, "What Your Augmentations Say About You", 46, ""),
    (95024, "Teaching Encoders to Forget Watermarks", 44, ""),
    (95025, "Protein Language Models Dream of Helices", 42, "protein language models"),
    (95026, "Deduplication Considered Helpful, Then Harmful, Then Helpful", 41, "data curation"),
    (95027, "Sharper Probes for Frozen Features", 38, ""),
    (95028, "A Thermometer for Logits: Post-Hoc Calibration in Forty Lines", 36, "calibration"),
)
MISSED_TITLES = (
    (95031, "Quantised Draft Models on a Phone with a Cracked Screen", 34, "speculative decoding"),
    (95032, "Self-Supervised Weather: a Barometer That Reads the News", 31, ""),
    (95033, "Cleaning Captions with a Grammar from 1911", 29, "data curation"),
)


# ---------------------------------------------------------------- picks

AFTERNOON_PICK = picked(
    listed(AFTERNOON, votes=141, percent=2, comments=17, stars=1_204),
    in_title("self-supervised learning", 55, "Self-Supervised Learning", "Self-supervised learning"),
    follows_organization("Halvorsen Institute", 24),
    liked("Quiet Encoders: Learning by Leaving Out", 13, "patch", "linear probe", "student network"),
)
DRAFTS_PICK = picked(
    listed(DRAFTS, votes=87, percent=6, comments=9, stars=212),
    in_title("speculative decoding", 57, "Speculative Decoding", "speculative decoding"),
    near("calibration", 12, "likely"),
    liked("Guess Twice, Check Once", 15, "draft model", "tokens", "pass"),
    twins=(listed(DRAFTS_TWIN), listed(DRAFTS_OTHER_TWIN)),
)
DECORRELATED_PICK = picked(
    listed(DECORRELATED, votes=33, percent=24, comments=2),
    follows_author("Rosalind Achterberg", 24),
    near("self-supervised learning", 31, "without labels", "encoders"),
    liked("Quiet Encoders: Learning by Leaving Out", 22, "features", "decorrelated", "transfer"),
)
FOLDING_PICK = picked(
    listed(FOLDING, votes=58, percent=11, comments=4, stars=96),
    in_title("protein language models", 44, "Protein Language Models", "Protein language models"),
    near("calibration", 9, "confident"),
    near("self-supervised learning", 15, "sequences", "Training"),
    summary=Summary(
        text="Models that fold proteins fail on sequences without relatives, because they copy the fold of the "
        "longest fragment they know. Moving fragments between proteins while training cures most of it, and "
        "the model now says when it does not know.",
        model="granite-8b",
    ),
)
CURATION_PICK = picked(
    listed(CURATION, votes=41, percent=18, comments=6),
    in_title("data curation", 42, "Data Curation", "data curation"),
    liked("The Filter Is the Model", 19, "documents", "web crawl", "filter"),
)
CALIBRATED_PICK = picked(
    listed(CALIBRATED, votes=12, comments=1),
    in_title("calibration", 36, "Calibration", "calibrated"),
    in_abstract("data curation", 6, "paraphrases"),
    liked("How Sure Is Sure?", 14, "confidence", "wordings"),
)
SKETCHES_PICK = picked(
    listed(SKETCHES, votes=29, comments=3),
    near("self-supervised learning", 38, "Masking patches", "mask the strokes", "encoder"),
    liked("Quiet Encoders: Learning by Leaving Out", 16, "vision encoders", "photographs"),
    disliked("Ten Thousand Cats, Badly Drawn", -6, "sketches"),
)
QUEUES_PICK = picked(
    listed(QUEUES, votes=8, stars=3),
    in_abstract("speculative decoding", 27, "draft model", said="draft model"),
    near("speculative decoding", 14, "guesses", "latency"),
    avoided("survey", -3),
)
RICH_PICKS = (
    AFTERNOON_PICK,
    DRAFTS_PICK,
    DECORRELATED_PICK,
    FOLDING_PICK,
    CURATION_PICK,
    CALIBRATED_PICK,
    SKETCHES_PICK,
    QUEUES_PICK,
)

LATE_PICKS = (
    picked(
        listed(LATE, votes=64, percent=9, stars=41),
        in_title("self-supervised learning", 55, "Self-Supervised", "self-supervised learning"),
        near("calibration", 8, "disagree"),
    ),
    picked(
        listed(LATE_TOO, votes=19),
        in_abstract("protein language models", 39, "Protein language models"),
        near("data curation", 5, "annotations"),
    ),
)
TRENDING_PICKS = (
    picked(listed(AGENTS, votes=312, percent=1, comments=48)),
    picked(listed(ROBOTS, votes=188, percent=2, stars=2_310)),
)
ASIDE_PICK = picked(
    listed(TIDES, votes=5),
    near("calibration", 12, "proper", "errors"),
    liked("The Filter Is the Model", 11, "labels", "loss"),
)


def title_pick(number: int, title: str, value: int, phrase: str) -> Pick:
    """A paper of which little more than the title is known, as lists of further matches have them."""
    paper = invented(number, title, "", n_authors=3)
    about = in_title(phrase, value) if phrase else near("self-supervised learning", value)
    return picked(listed(paper, votes=number % 7), about)


ALSO_PICKS = tuple(title_pick(*row) for row in ALSO_TITLES)
MISSES = tuple(title_pick(*row) for row in MISSED_TITLES)


# ---------------------------------------------------------------- editions


def edition_of(*picks: Pick, **fields: Any) -> Edition:
    """Ada's edition of the day, with these picks."""
    known: dict[str, Any] = {
        "profile": ADA,
        "day": DAY,
        "at": AT,
        "outcome": Outcome.READY,
        "considered": 64,
        "sections": (Section(name=SectionName.PICKS, picks=picks),),
        "misses": MISSES,
    }
    return Edition(**(known | fields))


RICH = edition_of(
    considered=1_204,
    sections=(
        Section(name=SectionName.PICKS, picks=RICH_PICKS),
        Section(name=SectionName.TRENDING, picks=TRENDING_PICKS),
        Section(name=SectionName.EXPLORATION, picks=(ASIDE_PICK,)),
        Section(name=SectionName.LATE, picks=LATE_PICKS),
        Section(name=SectionName.ALSO, picks=ALSO_PICKS),
    ),
)
ONE = edition_of(DRAFTS_PICK, considered=38, misses=MISSES[:1])
QUIET = edition_of(outcome=Outcome.QUIET, considered=41, sections=())
PARTIAL = edition_of(
    CURATION_PICK,
    CALIBRATED_PICK,
    considered=11,
    misses=(),
    notes=(Note(kind=NoteKind.PARTIAL, name="Hugging Face", number=11, usual=48),),
)
SOURCE_DOWN = edition_of(
    outcome=Outcome.SOURCE_DOWN,
    considered=0,
    sections=(),
    misses=(),
    notes=(Note(kind=NoteKind.SOURCE, name="Hugging Face", day=DAY, state=SourceState.DOWN),),
)
LAST_LIST = edition_of(
    DECORRELATED_PICK,
    SKETCHES_PICK,
    considered=27,
    notes=(
        Note(
            kind=NoteKind.SOURCE,
            name="Hugging Face",
            day=DAY,
            state=SourceState.DOWN,
            last_good=date(2026, 3, 10),
        ),
        Note(kind=NoteKind.EMBEDDING, day=date(2026, 3, 10)),
        Note(
            kind=NoteKind.LIKED,
            detail="library.bib: 3 of its 212 papers have no id and no title; they teach nothing",
        ),
    ),
)


# ---------------------------------------------------------------- long titles with TeX

MATHS_PAPERS = (
    invented(
        95041,
        r"Attention in $\mathcal{O}(n \log n)$ Time and $\mathcal{O}(\sqrt{n})$ Space for Kernels with "
        r"$\lambda_{k} \leq C k^{-2\alpha}$: Upper Bounds, Matching Lower Bounds, and Why the Constant $C$ "
        r"Is Larger Than Anybody Hoped When $\alpha \to \tfrac{1}{2}^{+}$",
        r"""Exact attention takes $\mathcal{O}(n^2)$ time. For kernels whose eigenvalues decay as
        $\lambda_k \leq C k^{-2\alpha}$ with $\alpha > 1/2$ we give an algorithm with error at most
        $\varepsilon$ in time $\mathcal{O}(n \log n / \varepsilon^{2})$. A reduction from orthogonal vectors
        shows that no algorithm in $n^{1-\delta}$ exists unless $\mathsf{SETH}$ fails. The constant matters:
        for $n = 2^{16}$ we are faster than the exact method by a factor of $3.2 \pm 0.1$. For shorter
        sequences we are not, and say so.""",
        (r"Zden\v{e}k Hor\'a\v{c}ek", r"Fran\c{c}oise L\'evy-Duch\^ene", r"\O{}ystein Gr\o{}nvold"),
        organization=r"Universit\'e de Saint-Br\`eve",
    ),
    invented(
        95042,
        r"On the $\ell_{1}/\ell_{2}$ Gap in Self-Supervised Learning: If $\|\theta - \theta^{*}\|_{2} < "
        r"\epsilon$ Then Almost Surely $\mathbb{E}[f_{\theta}(x)] \in [0, 1]$, and Other Consequences of a "
        r"Lemma That M\"uller-Lyer Never Stated About \'Etale Covers of $\mathbb{R}^{d} \times S^{1}$",
        r"""We prove that encoders trained by self-supervised learning with an $\ell_1$ penalty lie within
        $\epsilon = \tilde{\mathcal{O}}(1/\sqrt{m})$ of their $\ell_2$ cousins. The proof covers
        $\mathbb{R}^d \times S^1$ by charts and counts them. As a consequence the expected feature stays in
        $[0, 1]$ almost surely, which practitioners have long assumed. An experiment with $d = 768$ agrees to
        three digits. The lemma we use is folklore; we could not find the folk.""",
        (r"Bj\"orn \AA{}kesson", r"Nguy\~{\^e}n Minh Tr\'i", r"Ma{\l}gorzata \.Zurek"),
    ),
    invented(
        95043,
        r"$\nabla$: A Title",
        r"""We study $\nabla$. Then $\Delta = \nabla \cdot \nabla$ follows, and self-supervised learning of
        harmonic features with it. Five pages suffice for both.""",
        (r"Gr\'ainne N\'i Dhuibhir",),
        n_authors=1,
    ),
    invented(
        95044,
        "Hyperparametertransferabilitätsuntersuchungen/and-other-unbreakable-words_in_titles: "
        "https://example.org/a/very/long/address/that/somebody/put/into/the/title/of/a/paper?because=they&could=1",
        """Long words are rare in natural text and common in titles. We study how data curation copes with
        them. The answer is a soft hyphen, applied with care.""",
        ("Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh-Cholmondeley, Maximiliana",),
    ),
)
MATHS_PICKS = (
    picked(
        listed(MATHS_PAPERS[0], votes=22, percent=20),
        in_title("speculative decoding", 61, "Attention"),
        liked(r"Kernels with $\mathcal{O}(n)$ Patience: A Tale", 12, "kernels", r"eigenvalues"),
    ),
    picked(
        MATHS_PAPERS[1],
        in_title("self-supervised learning", 58, "Self-Supervised Learning", "self-supervised learning"),
    ),
    picked(MATHS_PAPERS[2], in_abstract("self-supervised learning", 44, "self-supervised learning")),
    picked(MATHS_PAPERS[3], in_abstract("data curation", 37)),
)
MATHS = edition_of(*MATHS_PICKS)


# ---------------------------------------------------------------- other scripts

SCRIPTS_PICKS = (
    picked(
        listed(
            invented(
                95051,
                "为什么小模型也会犹豫：推测解码中的自我怀疑与提前停止",
                """推测解码用一个小的草稿模型猜测若干词元，再由大模型一次验证。猜多少个通常是事先定好的。
                我们让草稿模型自己决定何时停下：一个额外的输出估计下一个猜测被拒绝的概率。在六项任务上，
                每次验证平均接受的词元从三点九个增加到五点三个，输出与大模型完全一致。代码共十一行。""",
                ("林雨桐", "歐陽書白", "渡瀬川 灯", "박해솔"),
                organization="云岭计算研究所",
                published=date(2026, 3, 10),
            ),
            votes=54,
            percent=12,
            stars=31,
        ),
        near("speculative decoding", 47, "推测解码", "草稿模型"),
        liked("猜两次，验一次：草稿模型的耐心", 15, "词元", "验证"),
    ),
    picked(
        listed(
            invented(
                95052,
                "التعلّم الذاتي من عصر واحد: مئة ساعة من كاميرا واحدة في حديقة واحدة",
                """يُقال إن التعلّم الذاتي يحتاج إلى الشبكة كلها. نعطيه عصرًا واحدًا فقط من تسجيل كاميرا تُركت على
                مقعد. تتنبأ الشبكة بموضع كل رقعة بعد ثانيتين. تبلغ الدقة 71.8 % على مقياس خطي، أي أقل بأربع نقاط
                من نموذج رأى تسعين مليون صورة. ننشر التسجيل ونعتذر لكل من أراد الجلوس.""",
                ("نور الطهطاوي", "سلمى بن يوسف"),
                organization="معهد الضفة للحوسبة",
            ),
            votes=17,
        ),
        near("self-supervised learning", 52, "التعلّم الذاتي"),
    ),
    picked(
        listed(
            invented(
                95053,
                "Mixed Company: Self-Supervised Learning across Right-to-Left and Left-to-Right Scripts",
                """Encoders trained on one direction of writing stumble over the other. We read pages in which
                both occur, sometimes in one line, and ask the network to find where the direction turns.
                Self-supervised learning on such pages improves recognition of Hebrew by four points and of Arabic
                by six. English does not change. The word שלום in the middle of an English line is no obstacle
                any more.""",
                ("נעמה בן־ארצי", "Tamar Feldhaus", "ליאור אשכנזי", "حسين المرّاكشي", "Priit Õunapuu"),
                n_authors=9,
                organization="מעבדת הכרמל ללשון וחישוב",
            ),
            votes=9,
        ),
        in_title("self-supervised learning", 25, "Self-Supervised Learning", "Self-supervised learning"),
        follows_author("נעמה בן־ארצי", 24),
    ),
)
SCRIPTS = edition_of(*SCRIPTS_PICKS)


# ---------------------------------------------------------------- weeks and months


def looking_back(edition: Edition, every: Every, first: date, *counts: tuple[int, int]) -> Edition:
    """The edition as one of the days before it, whose votes are compared over them; `(listed, matched)`."""
    days, last = 7 if every is Every.MONTH else 1, edition.day - timedelta(days=1)
    starts = [first + timedelta(days=days * n) for n in range(len(counts))]
    chart = tuple(
        Stretch(first=start, last=min(start + timedelta(days=days - 1), last), listed=listed, matched=matched)
        for start, (listed, matched) in zip(starts, counts, strict=True)
    )
    among = sum(listed for listed, _ in counts)
    return replace(
        edition,
        profile=replace(edition.profile, every=every, days=frozenset({edition.day.weekday()})),
        sections=tuple(_compared_over(one, every, among) for one in edition.sections),
        period=Period(every=every, first=first, last=last),
        chart=chart,
    )


def _compared_over(section: Section, every: Every, among: int) -> Section:
    def compared(pick: Pick) -> Pick:
        trend = pick.candidate.trend and replace(pick.candidate.trend, over=every, among=among)
        return replace(pick, candidate=replace(pick.candidate, trend=trend))

    return replace(section, picks=tuple(map(compared, section.picks)))


WEEKLY = looking_back(
    replace(RICH, considered=230),
    Every.WEEK,
    date(2026, 3, 4),
    *((48, 5), (52, 2), (41, 0), (0, 0), (3, 1), (39, 4), (47, 3)),
)
"""Its Saturday had no list."""
QUIET_WEEK = looking_back(
    replace(QUIET, considered=187),
    Every.WEEK,
    date(2026, 3, 4),
    *((41, 0), (38, 0), (29, 0), (0, 0), (0, 0), (37, 0), (42, 0)),
)
MONTHLY = looking_back(
    replace(RICH, considered=1_204),
    Every.MONTH,
    date(2026, 2, 11),
    *((301, 14), (288, 9), (325, 21), (290, 12)),
)


# ---------------------------------------------------------------- many, and hostile

_SEQUELS = (
    "Revisiting ",
    "Two Years of ",
    "A Negative Result about ",
    "In Defence of ",
    "Scaling ",
    "The Simplest Case of ",
    "An Independent Replication of ",
)


def _sequel(pick: Pick, place: int) -> Pick:
    """A further paper on what a pick is about, a little less to the point."""
    paper, weaker = pick.paper, replace(pick.score.reasons[0], points=34 - place // 2)
    again = replace(
        paper,
        id=f"2603.{95100 + place}",
        title=_SEQUELS[place % len(_SEQUELS)] + re.split(r": |\?", paper.title)[0],
        authors=tuple(reversed(paper.authors or ())) or None,
    )
    return picked(listed(again, votes=40 - place), weaker, near("data curation", 3 + place % 4))


def _forty() -> Iterable[Pick]:
    told = (*RICH_PICKS, *LATE_PICKS)
    sequels = (_sequel(told[place % len(told)], place) for place in range(40 - len(told)))
    return sorted((*told, *sequels), key=lambda pick: -pick.score.value)


FORTY = edition_of(*_forty(), considered=3_412, profile=replace(ADA, max_papers=40, threshold=20), misses=())

_BREAK = "Break Out\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}{% raw %}\r\nBcc: eve@example.org\r\n\r\n"
EXTREME_PICKS = (
    picked(
        listed(
            invented(
                95061,
                _BREAK + "]]><!--[if mso]>-->",
                "</td></tr></table><style>*{display:none}</style>\r\n.\r\nQUIT\r\n\x00\x1b[2J\u0092\ud800\u202e We wait. "
                * 20,
                ('"><b>Mallory</b>', "Eve\r\nBcc: x@example.org", "\u202eknilB"),
                organization="<marquee>ACME & Söhne</marquee>",
                url="javascript:alert(1)",
                code_url="javascript:alert(3)//https://example.org",
                project_url='https://example.org/"onmouseover="alert(4)',
            ),
            votes=10**9,
            stars=10**7,
        ),
        in_title("<script>waiting</script>", 70, "<script>", "We", "[", "(", "\\"),
        liked(_BREAK, 40, "<i>", "a" * 500),
    ),
    picked(
        invented(95062, "T" * 300, "Long words everywhere. " + "x" * 9_900 + " end.", ("A" * 400,) * 3),
        near("y" * 300, 55, "x" * 200),
    ),
    picked(
        invented(95063, "wait " * 60, "We wait and see what happens. " * 334, ("Ann Onymous",) * 500),
        in_abstract("waiting", 45, "wait"),
    ),
    picked(invented(95064, "\u200b\u00ad\r\n", "\x00"), in_title("nothing", 41)),
)
EXTREME = edition_of(
    *EXTREME_PICKS,
    profile=replace(ADA, name="ada", interests=(Interest(phrase=_BREAK, weight=10),)),
    misses=(title_pick(95065, _BREAK, 30, "waiting"),),
    notes=(Note(kind=NoteKind.LIKED, detail=_BREAK), Note(kind=NoteKind.SOURCE, name=_BREAK, day=DAY)),
)


def _in(tag: str, edition: Edition = RICH) -> Edition:
    return replace(edition, profile=replace(edition.profile, language=tag))


SAMPLES: Mapping[str, Edition] = {
    "rich": RICH,
    "one": ONE,
    "quiet": QUIET,
    "partial": PARTIAL,
    "source-down": SOURCE_DOWN,
    "last-list": LAST_LIST,
    "maths": MATHS,
    "scripts": SCRIPTS,
    "forty": FORTY,
    "weekly": WEEKLY,
    "quiet-week": QUIET_WEEK,
    "monthly": MONTHLY,
    "german": _in("de"),
    "french": _in("fr"),
    "chinese": _in("zh"),
    "german-week": _in("de", WEEKLY),
    "chinese-month": _in("zh", MONTHLY),
}
"""What the gallery shows, by name."""

HOSTILE: Mapping[str, Edition] = {"extreme": EXTREME}
"""What nobody should see, and the mail must survive."""

EVERY: Mapping[str, Edition] = {**SAMPLES, **HOSTILE}
