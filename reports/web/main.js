// Draws the Vega-Lite specification of every figure of the page. Expressions are
// interpreted (`ast`), not compiled, so that the page's Content-Security-Policy
// can forbid eval. Ink is currentColor: one drawing serves light, dark and print.
import vegaEmbed from "vega-embed";
import { expressionInterpreter } from "vega-interpreter";

const ink = "currentColor";
const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
const config = {
  background: "transparent",
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: { ...text, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.15, domainOpacity: 0.5, tickOpacity: 0.5 },
  legend: { ...text, orient: "top", columns: innerWidth < 600 ? 1 : 2, labelLimit: 300, symbolLimit: 12 },
  range: { category: ["#3b82c4", "#e07b39", "#3a9d76", "#b0579b", "#8a7a2f", "#6b6fd4", "#c04848", "#5a8f9c"] },
};
const options = {
  renderer: "svg", ast: true, expr: expressionInterpreter, actions: false, config, defaultStyle: false, tooltip: false,
};

function specOf(figure) {
  return JSON.parse(document.getElementById(figure.dataset.spec).textContent);
}

// The specification as text, made only when someone asks for it.
function offerSpec(figure) {
  const details = figure.querySelector("details.spec");
  const pre = details.querySelector("pre");
  details.addEventListener("toggle", () => {
    if (details.open && pre.textContent === "") pre.textContent = JSON.stringify(specOf(figure), null, 1);
  });
  const button = details.querySelector("button");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected: copy it with the keyboard";
    }
  });
}

async function draw(figure) {
  const target = figure.querySelector(".chart");
  try {
    await vegaEmbed(target, specOf(figure), options);
    figure.classList.add("drawn");
  } catch (error) {
    target.textContent = "This chart could not be drawn: " + error.message;
    figure.querySelector("details").open = true;
    console.error(error);
  }
}

document.documentElement.classList.add("scripted");
for (const table of document.querySelectorAll("figure[data-spec] > details")) table.open = false;
for (const figure of document.querySelectorAll("figure[data-spec]")) {
  offerSpec(figure);
  await draw(figure);
}
// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.more")) details.open = true;
});
document.documentElement.dataset.charts = "done";
