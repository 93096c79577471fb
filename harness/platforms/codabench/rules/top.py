"""The fields at the top of ``competition.yaml``, its pages, terms, image and fact sheet."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import did_you_mean
from harness.platforms.codabench.bundle import Bundle, is_uuid
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown, text_fault

READ = (
    "version", "title", "image", "terms", "pages", "tasks", "phases", "leaderboards", "solutions", "docker_image",
    "registration_auto_approve", "enable_detailed_results", "show_detailed_results_in_submission_panel",
    "show_detailed_results_in_leaderboard", "auto_run_submissions", "can_participants_make_submissions_public",
    "make_programs_available", "make_input_data_available", "description", "competition_type", "fact_sheet", "reward",
    "contact_email", "forum_enabled", "queue",
)  # fmt: skip
PAGE = 1_000_000  # characters of a page that are looked at
FACT_KEYS = {"key", "type", "title", "selection", "is_required", "is_on_leaderboard"}
FACT_TYPES = ("checkbox", "text", "select")


@rule("T1", Severity.REFUSED, "version is missing", "The bundle is read as version 1, by other rules, and fails oddly.")
def missing_version(bundle: Bundle) -> Found:
    if bundle.config.get("version") is None:
        yield "there is no version", "add the line: version: 2"


@rule("T2", Severity.REFUSED, "version is not 2", "A suitable version could not be found for this competition.")
def other_version(bundle: Bundle) -> Found:
    version = bundle.config.get("version")
    if version is None or str(version) == "2":
        return
    old = " is read by the old rules, of CodaLab" if str(version) in ("1", "1.5") else " is none that the server knows"
    yield f"version {version}{old}", "write: version: 2"


@rule(
    "T3",
    Severity.REFUSED,
    "the title is missing or too long",
    "title: This field is required. / at most 256 characters.",
)
def title(bundle: Bundle) -> Found:
    if fault := text_fault(bundle.config.get("title"), 256):
        yield f"title {fault}", 'write one of at most 256 characters: title: "…"'


@rule("T4", Severity.REFUSED, "there is no image", "Unable to find image: …")
def image(bundle: Bundle) -> Found:
    name = bundle.config.get("image")
    if not name:
        yield "there is no key image", "add a logo, and the line: image: logo.png"
    elif not (path := bundle.file(name)) or not path.is_file():
        yield f"{name!r} is not in the bundle", "add the file, or correct its name; small and capital letters differ"


@rule(
    "T5",
    Severity.REFUSED,
    "there are no terms",
    "A file containing the terms of this competition has not been supplied.",
)
def terms(bundle: Bundle) -> Found:
    name = bundle.config.get("terms")
    if not name:
        yield "there is no key terms", "write terms.md, and the line: terms: terms.md"
    elif fault := _page_fault(bundle.file(name)):
        yield f"{name!r} {fault}", "write the terms into it, in Markdown or HTML, as UTF-8"


@rule("T6", Severity.REFUSED, "there are no pages", "Unpacking the bundle failed. … 'NoneType' object is not iterable")
def pages(bundle: Bundle) -> Found:
    found = bundle.config.get("pages")
    if not isinstance(found, list):
        yield (
            f"pages is {'missing' if found is None else type(found).__name__}",
            ("add at least one: pages: [{title: Overview, file: overview.md}]"),
        )


@rule(
    "T7",
    Severity.REFUSED,
    "a page is missing or empty",
    "Unable to find page: … / Page '…' is empty, it must contain content.",
)
def page(bundle: Bundle) -> Found:
    for place, one in enumerate(bundle.items("pages")):
        if text_fault(one.get("title"), 256):
            yield f"page {name_of(one, place)} has no title", "give it a title"
        if fault := _page_fault(bundle.file(one.get("file"))):
            yield (
                f"page {name_of(one, place)}: {one.get('file')!r} {fault}",
                "write the page, in Markdown or HTML, as UTF-8",
            )


def _page_fault(path: Path | None) -> str:
    if path is None or not path.is_file():
        return "is not in the bundle"
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(PAGE)
    except UnicodeDecodeError:
        return "is not UTF-8"
    return "" if text else "is empty"


@rule(
    "T8",
    Severity.REFUSED,
    "docker_image is too long or no text",
    "docker_image: Ensure this field has no more than 128 characters.",
)
def docker_image(bundle: Bundle) -> Found:
    if fault := text_fault(bundle.config.get("docker_image"), 128, needed=False):
        yield f"docker_image {fault}", "name the image as in docker pull: owner/name:tag"


@rule(
    "T9",
    Severity.ADVICE,
    "the image is not pinned",
    "The default image, and what a name without a tag means, have changed before: zips that scored then failed.",
)
def unpinned_image(bundle: Bundle) -> Found:
    name = bundle.config.get("docker_image")
    if name is None:
        yield (
            "there is no docker_image",
            "name one with a tag, for instance: docker_image: codalab/codalab-legacy:py312",
        )
    elif ":" not in str(name).rpartition("/")[2] or str(name).endswith(":latest"):
        yield f"docker_image {name} has no tag that stays", "add the tag you tested, or a digest: name@sha256:…"


@rule("T10", Severity.REFUSED, "contact_email is no e-mail address", "contact_email: Enter a valid email address.")
def contact_email(bundle: Bundle) -> Found:
    address = bundle.config.get("contact_email")
    if address is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", str(address)):
        yield f"contact_email is {address!r}", "write an address, or leave the line out"


@rule("T11", Severity.REFUSED, "competition_type is unknown", 'competition_type: "…" is not a valid choice.')
def competition_type(bundle: Bundle) -> Found:
    kind = bundle.config.get("competition_type")
    if kind not in (None, "competition", "benchmark"):
        yield f"competition_type is {kind!r}", "write competition or benchmark"


@rule("T12", Severity.REFUSED, "queue is no vhost", "The queue is looked up by the UUID of its vhost, not by its name.")
def queue(bundle: Bundle) -> Found:
    value = bundle.config.get("queue")
    if value is not None and not is_uuid(value):
        yield f"queue is {value!r}", "copy the Vhost of the queue from Management, Queues; it is a UUID"


@rule(
    "T13",
    Severity.SILENT,
    "accepts_only_result_submissions has no effect",
    "It is documented, and not read: code submissions are run all the same.",
)
def accepts_only_results(bundle: Bundle) -> Found:
    if "accepts_only_result_submissions" in bundle.config:
        yield (
            "accepts_only_result_submissions is set",
            "leave out the ingestion program; say on a page what is to be sent",
        )


@rule("T14", Severity.SILENT, "a key has no effect", "It is not read.")
def unread(bundle: Bundle) -> Found:
    for key in bundle.config:
        if key not in READ and key not in ("leaderboard", "accepts_only_result_submissions"):
            yield f"{key} is not read", did_you_mean(str(key), READ) if _close(str(key)) else "remove it"


def _close(key: str) -> bool:
    return did_you_mean(key, READ).startswith("Did you mean")


@rule("T15", Severity.REFUSED, "the fact sheet is not shaped as it must be", "fact_sheet: … is not valid.")
def fact_sheet(bundle: Bundle) -> Found:
    sheet = bundle.config.get("fact_sheet")
    if sheet is None:
        return
    if not isinstance(sheet, dict):
        yield f"fact_sheet is a {type(sheet).__name__}", "write a mapping of questions by key"
        return
    for name, question in sheet.items():
        if not isinstance(question, dict):
            yield f"question {name!r} is no mapping", f"give it the keys {shown(sorted(FACT_KEYS), 6)}"
            continue
        if wrong := FACT_KEYS ^ set(question):
            yield (
                f"question {name!r}: {shown(sorted(map(str, wrong)))} missing or too many",
                (f"give it exactly {shown(sorted(FACT_KEYS), 6)}"),
            )
            continue
        if question["key"] != name:
            yield f"question {name!r} has key {question['key']!r}", f"write key: {name}"
        if question["type"] not in FACT_TYPES:
            yield f"question {name!r} has type {question['type']!r}", "write checkbox, text or select"
        for flag in ("is_required", "is_on_leaderboard"):
            if question[flag] not in ("true", "false"):
                yield f"question {name!r}: {flag} is {question[flag]!r}", f'write a string: {flag}: "true" or "false"'
        if fault := _selection_fault(question["type"], question["selection"]):
            yield f"question {name!r}: selection is {question['selection']!r}", fault


def _selection_fault(kind: object, selection: object) -> str:
    if kind == "text" and selection != "":
        return 'write selection: "" for type text'
    if kind == "select" and not (isinstance(selection, list) and selection):
        return "write a list of answers for type select"
    if kind == "checkbox" and selection != [True, False]:
        return "write selection: [true, false] for type checkbox"
    return ""
