"""The page of a run in a real browser: links, keys, turns, search, and nothing that an agent wrote runs."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import report_inputs
from tracesmith.reports import repo_report, run_report
from tracesmith.reports.repo_report import RepoFiles
from tracesmith.reports.run_files import RunFiles

pytestmark = pytest.mark.browser
LINE = Path(__file__).parents[1] / "data" / "line"
REPO = "npm__css-what.v8.0.0"
DROPPED = f"{REPO}.func_pm_remove_cond__aaaaaaaa"
expect.set_options(timeout=30_000)
SCREENSHOTS = Path("build/screenshots")
HOSTILE = '<img src=x onerror="window.hit = 1"><script>window.hit = 2</script>\x1b[31m'


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report the recorded line; its first instance has a second trajectory, which a hostile agent wrote."""
    folder = tmp_path_factory.mktemp("line")
    shutil.copytree(LINE, folder, dirs_exist_ok=True)
    rows = folder / "trajectories_sft" / "demo.xml.jsonl"
    first = json.loads(rows.read_text().splitlines()[0])
    said = [{"role": "user", "content": f"{HOSTILE}\n" * 30}, {"role": "assistant", "content": HOSTILE}]
    other = {**first, "messages": [*first["messages"][:2], *said], "traj_id": "second"}
    rows.write_text(rows.read_text() + json.dumps(other) + "\n")
    validation = drop_a_candidate(folder)
    making = {
        "bugs": [folder / "logs" / "bug_gen" / REPO / "procedural.json"],
        "validation": [validation],
        "confirmation": validation.with_name("confirmation.json"),
        "environment": folder / "logs" / "build_images" / REPO / "environment.json",
        "dataset": folder / "logs" / "agent_datasets" / f"{REPO}_final.json",
    }
    repository = folder / "repos" / f"{REPO}.html"
    candidates = [folder / "logs" / "bug_gen" / f"{REPO}_all_patches.json"]
    repo_report.report(RepoFiles(candidates=candidates, **making), repository, repository.with_suffix(".json"))
    run = RunFiles(
        predictions=folder / "trajectories" / "local" / "demo" / "preds.json",
        evaluation=folder / "logs" / "run_evaluation" / "demo" / "report.json",
        rows=rows,
        repository=repository,
        ledger=spend(folder),
        benchmarks=folder / "benchmarks-out",
        **making,
    )
    run_report.report("demo", run, folder / "demo.html", folder / "demo.json")
    return folder / "demo.html"


def spend(folder: Path) -> Path:
    """Let the run have asked a model, and taken its time; return the ledger."""
    step = folder / "benchmarks-out" / "run_agent" / "local" / "demo.tsv"
    step.parent.mkdir(parents=True)
    step.write_text("s\tcpu_time\n512.5\t40\n")
    tokens = {"prompt_tokens": 1_234_567, "cached_tokens": 1_000_000, "completion_tokens": 9_876, "seconds": 3}
    call = {"stage": "run_agent/demo", "outcome": "paid", "model": "anthropic/claude-sonnet-4", "cost_usd": 1.25}
    ledger = folder / "ledger.jsonl"
    ledger.write_text(json.dumps(call | tokens) + "\n")
    return ledger


def drop_a_candidate(folder: Path) -> Path:
    """Add a candidate that no test notices, and return the report that says so."""
    patches = folder / "logs" / "bug_gen" / f"{REPO}_all_patches.json"
    candidates = json.loads(patches.read_text())
    patches.write_text(json.dumps([*candidates, {**candidates[0], "instance_id": DROPPED}]))
    path = folder / "logs" / "run_validation" / REPO / "report.json"
    report = json.loads(path.read_text())
    report["instances"].append({"instance_id": DROPPED, "verdict": "no_fail_to_pass"})
    report["funnel"] = {"in": 3, "out": 2, "dropped": {"no_fail_to_pass": 1}}
    path.write_text(json.dumps(report))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, page_file: Path, complaints: list[str]) -> Iterator[Page]:
    """Open the page, and want no word of complaint and no request of it."""
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(page_file.as_uri())
    yield page
    page.close()
    assert complaints == []


def ids(page: Page) -> list[str]:
    return page.eval_on_selector_all("tbody[id^='i:']:not([hidden])", "found => found.map((one) => one.id.slice(2))")


def focused(page: Page) -> Any:
    return page.evaluate("document.activeElement.closest('li, tbody')?.id")


def test_the_table_sorts_and_filters(page: Page) -> None:
    every = ids(page)
    assert len(every) > 1
    page.locator("#instances").get_by_role("button", name="Instance").click()
    assert ids(page) == sorted(every)
    page.locator("#instances").get_by_role("button", name="Instance").click()
    assert ids(page) == sorted(every, reverse=True)
    page.get_by_label("Find").fill(every[0])
    assert ids(page) == [every[0]]
    page.get_by_label("Find").fill("no such word")
    expect(page.locator("#shown")).to_have_text(f"0 of {len(every)}")


def test_other_tables_sort_too(page: Page) -> None:
    table = page.locator("table", has=page.get_by_text("Operator: what became"))
    heads = table.locator("tbody th")
    before = heads.all_inner_texts()
    table.get_by_role("button", name="Operator").click()
    table.get_by_role("button", name="Operator").click()
    assert heads.all_inner_texts() == sorted(before, reverse=True) != []


def test_a_number_leads_to_its_instances(page: Page) -> None:
    every = ids(page)
    table = page.locator("table", has=page.get_by_text("Operator: what became"))
    row = table.locator("tbody tr", has=page.get_by_role("rowheader", name="op swap"))
    row.locator("td[data-label='Resolved'] a").click()
    expect(page.locator("#shown")).to_have_text(f"1 of {len(every)}")
    assert ids(page) == [f"{REPO}.func_pm_op_swap__b8mkmgf1"]
    page.reload()
    expect(page.locator("#shown")).to_have_text(f"1 of {len(every)}")


def test_a_stranger_finds_why_a_candidate_was_dropped(page: Page) -> None:
    dropped = page.locator(".steps li", has_text="no test fails with the bug")
    dropped.get_by_role("link", name="1").click()
    expect(page.get_by_role("heading", name=f"Repository {REPO}")).to_be_visible()
    expect(page.locator("#shown")).to_have_text("1 of 3")
    assert ids(page) == [DROPPED]
    row = page.locator(f"tbody[id='i:{DROPPED}']")
    expect(row).to_contain_text("no fail to pass: no test fails with the bug")
    row.locator("summary").click()
    expect(row.locator(".diff .removed").first).to_be_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "repository.png", full_page=True)


@pytest.mark.parametrize("kind", ["Tried", "Valid"])
def test_what_was_validated_is_found_among_the_candidates(page: Page, kind: str) -> None:
    table = page.locator("table", has=page.get_by_text("Operator: what became"))
    cells = table.locator(f"td[data-label='{kind}']", has=page.get_by_role("link"))
    wanted = cells.first.get_by_role("link").inner_text()
    cells.first.get_by_role("link").click()
    expect(page.locator("#shown")).to_have_text(f"{wanted} of 3")
    assert (DROPPED in ids(page)) is (kind == "Tried")


def test_a_page_of_ten_thousand_rows_is_quick(browser: Browser, tmp_path: Path, complaints: list[str]) -> None:
    run = report_inputs.make(tmp_path, 10_000, characters=200)
    run_report.report("many", run, tmp_path / "many.html", tmp_path / "many.json")
    page = browser.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "many.html").as_uri())
    shown = page.locator("#shown")
    expect(shown).to_have_text("10000 of 10000")
    assert len(ids(page)) == 100
    page.get_by_role("button", name="Show 100 more of 10000").click()
    assert len(ids(page)) == 200
    page.locator("#instances").get_by_role("button", name="F2P").click()
    page.locator("#instances").get_by_role("button", name="F2P").click()
    assert set(page.locator("tbody:not([hidden]) > tr > td[data-label='F2P']").all_inner_texts()) == {"12"}
    page.get_by_label("Verdict").select_option("timed_out")
    expect(shown).to_have_text("2000 of 10000")
    page.get_by_label("Find").fill("0077")
    expect(shown).to_have_text("22 of 10000")
    page.get_by_label("Find").fill('tokens:"900..910" file:"src/part3.ts" needle3 and')
    page.get_by_label("in all text").check()
    expect(shown).to_have_text("1 of 10000")
    page.close()
    assert complaints == []


def test_all_text_is_searched_when_asked_for(page: Page) -> None:
    count = len(ids(page))
    page.get_by_label("Find").fill("window.hit")
    expect(page.locator("#shown")).to_have_text(f"0 of {count}")
    page.get_by_label("in all text").check()
    expect(page.locator("#shown")).to_have_text(f"1 of {count}")


def test_the_trajectories_of_an_instance_stand_side_by_side(page: Page) -> None:
    name = ids(page)[0]
    page.locator(f"tbody[id='i:{name}'] > tr summary").first.click()
    talks = page.locator(f"tbody[id='i:{name}'] .talk")
    expect(talks).to_have_count(2)
    boxes = [talks.nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0] and boxes[1] and boxes[0]["x"] < boxes[1]["x"]
    expect(talks.first.locator("li").nth(2).locator("pre")).to_contain_text("<function=")
    folded = talks.nth(1).locator("details").last
    assert not folded.evaluate("one => one.open")
    folded.locator("summary").click()
    expect(folded.locator("pre")).to_contain_text('<img src=x onerror="window.hit = 1">')
    expect(folded.locator("pre")).to_contain_text("␛[31m")
    assert page.evaluate("window.hit") is None
    assert page.locator(".talk img").count() == 0
    diffs = page.locator(f"tbody[id='i:{name}'] .pair .diff")
    assert diffs.first.locator(".added").all_inner_texts() == diffs.last.locator(".added").all_inner_texts() != []


def test_a_link_leads_to_an_instance_and_to_a_turn(page: Page, page_file: Path) -> None:
    name = ids(page)[1]
    page.goto(f"{page_file.as_uri()}#i:{name}")
    page.reload()
    expect(page.locator(f"tbody[id='i:{name}'] .talk")).to_be_visible()
    page.goto(f"{page_file.as_uri()}#t:{name}/1/3")
    turn = page.locator(f"li[id='t:{name}/1/3']")
    expect(turn).to_be_in_viewport()
    expect(turn).to_be_focused()


def test_keys_are_enough(page: Page) -> None:
    every = ids(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page) == f"i:{every[1]}"
    page.keyboard.press("k")
    page.keyboard.press("o")
    expect(page.locator(f"tbody[id='i:{every[0]}'] .talk").first).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert focused(page) == f"t:{every[0]}/1/2"
    page.keyboard.press("p")
    assert focused(page) == f"t:{every[0]}/1/1"
    page.keyboard.press("/")
    page.keyboard.type("jno")
    assert page.get_by_label("Find").input_value() == "jno"


@pytest.mark.parametrize("width", [380, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_scrolls_the_page_sideways(page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.locator("tbody[id^='i:'] summary").first.click()
    expect(page.locator(".talk").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"run-{scheme}-{width}.png", full_page=True)


def test_everything_that_is_used_has_a_name(page: Page) -> None:
    page.locator("tbody[id^='i:'] summary").first.click()
    expect(page.locator(".talk").first).to_be_visible()
    nameless = page.eval_on_selector_all(
        "a, button, input, select, summary",
        "found => found.filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length",
    )
    assert nameless == 0
