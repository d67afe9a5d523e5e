// What is wrong with the page for those who do not see it or do not use a mouse; an empty list for nothing.
const wrong = [], name = element => (element.getAttribute("aria-label") || element.labels?.[0]?.textContent ||
  element.textContent || "").trim() || document.getElementById(element.getAttribute("aria-labelledby"))?.textContent;
const all = selector => [...document.querySelectorAll(selector)];
const need = (found, what) => { if (!found) wrong.push(what); };

need(document.documentElement.lang, "no language");
for (const landmark of arguments) need(all(landmark).length === 1, "not one " + landmark);
need(all("h1").length === 1, "not one h1");
let last = 0;
for (const heading of all("h1, h2, h3, h4")) {
  const level = Number(heading.tagName[1]);
  need(level <= last + 1, `h${level} after h${last}: ${heading.textContent}`);
  last = level;
}
for (const control of all("input, select, textarea, button, summary")) need(name(control), "no name: " + control.outerHTML.slice(0, 80));
for (const table of all("table")) {
  need(table.caption?.textContent.trim(), "no caption: " + table.textContent.slice(0, 60));
  for (const cell of table.querySelectorAll("th")) need(cell.scope, "no scope: " + cell.outerHTML);
}
for (const picture of all("figure .panels [role=img]")) {
  need(picture.getAttribute("aria-label"), "no text for a plot");
  need(picture.closest("figure").querySelector("details table tbody tr"), "no table for a plot");
  need(!picture.querySelector("a[href], button, [tabindex='0']"), "a control hidden inside a picture");
}
for (const box of all(".scroll")) need(box.tabIndex === 0 && box.getAttribute("role") === "region" && name(box), "cannot be scrolled by keys");
const ids = all("[id]").map(element => element.id);
need(new Set(ids).size === ids.length, "an id stands twice");
for (const link of all("a[href^='#']")) need(document.getElementById(link.hash.slice(1)), "leads nowhere: " + link.hash);

const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = colour => {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
function ground(element) {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/, 0\)$/.test(colour) && colour !== "transparent") return colour;
  }
  return "rgb(255, 255, 255)";
}
for (const element of all("p, td, th, figcaption, small, .text, label, button, legend, caption, pre, summary, dt, dd")) {
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
  need((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) >= 4.5, "low contrast: " + element.outerHTML.slice(0, 80));
}
return [...new Set(wrong)];
