// Regions that scroll sideways can be reached and scrolled by keyboard.
function reachable() {
  for (const region of document.querySelectorAll("pre, .table-wrapper, .cell_output .output, article")) {
    const scrolls = region.scrollWidth > region.clientWidth + 1;
    if (scrolls) region.setAttribute("tabindex", "0");
    else region.removeAttribute("tabindex");
  }
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
