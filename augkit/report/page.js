"use strict";
for (const box of document.querySelectorAll(".slider")) {
  const input = box.querySelector("input");
  const show = () => box.style.setProperty("--cut", input.value + "%");
  input.addEventListener("input", show);
  show();
}
for (const box of document.querySelectorAll(".zoom")) {
  const svg = box.querySelector("svg"), from = box.querySelector(".from"), span = box.querySelector(".span");
  const rows = Number(svg.dataset.rows), output = box.querySelector("output");
  const show = () => {
    const width = rows * span.value / 100, begin = (rows - width) * from.value / 100;
    svg.setAttribute("viewBox", `${begin} 0 ${width} 100`);
    output.textContent = `rows ${Math.round(begin)} to ${Math.round(begin + width)}`;
  };
  from.addEventListener("input", show);
  span.addEventListener("input", show);
}
