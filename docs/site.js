// Tables that are wider than the screen scroll, also by the keyboard.
new MutationObserver(() => {
  for (const wrapper of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) wrapper.tabIndex = 0;
}).observe(document.body, { childList: true, subtree: true });
for (const wrapper of document.querySelectorAll(".md-typeset__scrollwrap")) wrapper.tabIndex = 0;
