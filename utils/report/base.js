const measured = new ResizeObserver(boxes => {
  for (const { target } of boxes) target.classList.toggle("wide", target.scrollWidth > target.clientWidth);
});
for (const box of document.querySelectorAll(".scroll, #list")) measured.observe(box);
