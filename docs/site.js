// What the theme's script adds to a page: tables scroll by the keyboard, too, and a button to copy is no landmark.
function mend() {
  for (const wrapper of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) wrapper.tabIndex = 0;
  for (const buttons of document.querySelectorAll(".md-code__nav:not([role])")) buttons.role = "none";
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
