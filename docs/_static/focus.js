// Regions that scroll sideways can be reached and scrolled by keyboard.
function reachable() {
  const regions = "pre, .table-wrapper, .cell_output, .cell_output .output, figure, article p, article";
  for (const region of document.querySelectorAll(regions)) {
    const scrolls = region.scrollWidth > region.clientWidth + 1 && getComputedStyle(region).overflowX !== "visible";
    const code = region.matches("pre, article") || region.querySelector("pre"); // code needs no line that says so
    region.classList.toggle("scrolls", scrolls && !code);
    if (scrolls) region.setAttribute("tabindex", "0");
    else region.removeAttribute("tabindex");
  }
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
