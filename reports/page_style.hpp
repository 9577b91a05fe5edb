// The style sheet of a report: one column of text, wide tables that scroll, and
// colours whose contrast holds in light and in dark. On paper everything is open, but for tables of charts that are
// drawn; without scripts nothing is drawn, and what needs them is not offered.
#pragma once

namespace kvplan {

inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --line: #d0d7de; --tint: #f3f6f9;
  --link: #0a58b0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #a9b3be; --paper: #14181d; --line: #3a424c; --tint: #1d232a; --link: #84b9f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 0 1rem 4rem; font: 16px/1.55 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 2rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
a { color: var(--link); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; }
nav ul { list-style: none; margin: 0; padding: .75rem 0; display: flex; flex-wrap: wrap;
  gap: .35rem 1.1rem; border-block: 1px solid var(--line); font-size: .9rem; }
section { margin-top: 2.5rem; scroll-margin-top: 1rem; }
#verdict, section[id^=plan]:not([id^=plan-s]) { border-left: .3rem solid var(--link); padding: .25rem 0 .25rem 1rem; }
#verdict p:first-of-type, section[id^=plan] > p:first-of-type { font-size: 1.15rem; font-weight: 600; margin-top: 0; }
p, li { max-width: 46rem; }
p, li, h2, h3, figcaption, summary { overflow-wrap: anywhere; }
html:not(.scripted) .spec { display: none; }
figure { margin: 1.5rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; break-inside: avoid; }
.chart { width: 100%; min-height: 1rem; }
.chart svg { max-width: 100%; height: auto; display: block; }
figcaption { margin: .5rem 0; }
summary { cursor: pointer; color: var(--link); font-size: .9rem; padding: .2rem 0; }
.scroll { overflow-x: auto; max-height: 32rem; overflow-y: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
.repeated { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
th, td { padding: .3rem .75rem .3rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th[scope=row], th:first-child { text-align: left; font-weight: 500; min-width: 9rem; }
td:not(:first-child) { min-width: 5.5rem; }
pre { background: var(--tint); padding: .75rem; overflow: auto; max-height: 20rem; font-size: .8rem; }
button { font: inherit; padding: .25rem .8rem; border: 1px solid var(--line); border-radius: .3rem;
  background: var(--tint); color: var(--ink); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --paper: #fff; --line: #999; --tint: #fff; --link: #000; }
  body { max-width: none; font-size: 11px; padding: 0; }
  nav, .skip, .spec, .drawn > details, details > summary { display: none; }
  figure { border: 0; padding: 0; }
  .scroll, pre { max-height: none; overflow: visible; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  table { width: 100%; font-size: 8.5px; }
  th, td { padding-right: .4rem; overflow-wrap: anywhere; }
  th[scope=row], th:first-child, td:not(:first-child) { min-width: 0; }
}
)css";

}  // namespace kvplan
