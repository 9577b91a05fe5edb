// Looks at a report in a real browser: node test.mjs CHROMIUM report.html result.json [FOLDER for screenshots]
// Every section is there, every chart has marks, nothing is said on the console or asked of the network, axe finds
// no violation in light and dark, at 390 and 1280 points and on paper, and figures on the page equal the JSON.
import { readFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, page_path, result_path, ...others] = process.argv.slice(2);
const shots = process.env.KVPLAN_SHOTS;
const axe = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const result = JSON.parse(readFileSync(result_path, "utf8"));
const sections = ["verdict", "load", "targets", "parts", "latency", "tiers", "use", "break-even", "figures", "provenance"];
const failures = [];
const expect = (good, what) => { if (!good) failures.push(what); };

const profile = mkdtempSync(join(tmpdir(), "kvplan-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath, headless: true, bypassCSP: false, viewport: { width: 1280, height: 900 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"],
});

async function open(width, scheme, path = page_path) {
  const page = await context.newPage();
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: scheme });
  page.on("console", (m) => expect(m.type() !== "error", `console at ${width}: ${m.text()}`));
  page.on("pageerror", (e) => failures.push(`error at ${width}: ${e.message}`));
  page.on("request", (r) => expect(r.url().startsWith("file:") || r.url().startsWith("data:"), `request: ${r.url()}`));
  await page.goto(pathToFileURL(resolve(path)).href);
  await page.waitForFunction(() => document.documentElement.dataset.charts === "done", null, { timeout: 60000 });
  return page;
}

// The page's own policy forbids scripts put into it; the debugger's evaluation is not subject to it.
async function axeViolations(page, when) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  for (const v of violations) failures.push(`axe ${when}: ${v.id} (${v.impact}): ${v.nodes[0].target.join(" ")}: ${v.nodes.length} places`);
}

async function checkCharts(page, least, path) {
  const charts = await page.$$eval("figure[data-spec]", (figures) => figures.map((f) => ({
    id: f.id, marks: f.querySelectorAll(".chart svg [role=graphics-symbol], .chart svg .mark-area path, .chart svg .mark-line path").length,
    rows: f.querySelectorAll("tbody tr").length, reading: f.querySelector("figcaption").textContent.length,
  })));
  expect(charts.length >= least, `${path}: ${charts.length} charts`);
  for (const c of charts) expect(c.marks > 0 && c.rows > 0 && c.reading > 10, `chart ${c.id}: ${c.marks} marks, ${c.rows} rows`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow <= 0, `${path} is ${overflow} points wider than its window`);
}

for (const [width, scheme] of [[1280, "light"], [390, "dark"]]) {
  const page = await open(width, scheme);
  for (const id of sections) expect((await page.locator(`section#${id}`).count()) === 1, `section ${id} is missing`);
  await checkCharts(page, 8, page_path);
  await axeViolations(page, `at ${width}, ${scheme}`);
  if (shots) await page.screenshot({ path: join(shots, `${width}-${scheme}.png`), fullPage: true });
  if (width === 1280) {
    const spec = JSON.parse(await page.locator("#backlog-spec").textContent());
    const drawn = spec.data.values.filter((v) => v.of === "queued").map((v) => v.y);
    expect(JSON.stringify(drawn) === JSON.stringify(result.series.queued), "the queue's chart differs from the JSON");
    const text = await page.locator("#verdict").textContent();
    expect(text.includes(result.verdict.state) && text.includes(result.verdict.reason), "the verdict differs from the JSON");
    const completed = await page.locator("#figures tr", { hasText: "Requests: completed" }).locator("td").first().textContent();
    expect(Number(completed.replaceAll(",", "")) === result.requests.completed, `completed is ${completed}`);
    const details = page.locator("details.spec").first();
    await details.locator("summary").focus();
    await page.keyboard.press("Enter");
    const shown = details.locator("pre");
    await page.waitForFunction(() => document.querySelector("details.spec[open] pre")?.textContent.length > 0);
    expect(JSON.parse(await shown.textContent()).$schema.includes("vega-lite"), "the specification cannot be copied out");
    await details.locator("summary").click();
    await page.emulateMedia({ media: "print", colorScheme: "light" });
    if (shots) {
      await page.setViewportSize({ width: 794, height: 1123 });
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(shots, "print.png"), fullPage: true });
    }
  }
  await page.close();
}
// Comparisons and plans: every chart has marks, a reading and a table, and the same rules hold.
for (const other of others) {
  for (const [width, scheme] of [[1280, "dark"], [390, "light"]]) {
    const page = await open(width, scheme, other);
    await checkCharts(page, 1, other);
    await axeViolations(page, `${other} at ${width}, ${scheme}`);
    if (shots) await page.screenshot({ path: join(shots, `${basename(other, ".html")}-${width}.png`), fullPage: true });
    await page.close();
  }
}
await context.close();
rmSync(profile, { recursive: true, force: true });
for (const f of failures) console.error("FAILED " + f);
console.log(failures.length === 0 ? "the report holds in a browser" : `${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);
