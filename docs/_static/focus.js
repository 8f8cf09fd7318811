// Regions that scroll sideways can be reached and scrolled by keyboard.
function reachable() {
  for (const region of document.querySelectorAll("pre, .table-wrapper, .cell_output .output, figure, article p, article")) {
    const scrolls = region.scrollWidth > region.clientWidth + 1 && getComputedStyle(region).overflowX !== "visible";
    region.classList.toggle("scrolls", scrolls && region.tagName !== "ARTICLE");
    if (scrolls) region.setAttribute("tabindex", "0");
    else region.removeAttribute("tabindex");
  }
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
