// The time slider of a finding: what came later is drawn faintly.
"use strict";
{
  const card = document.getElementById("player");
  const player = card.querySelector(".player");
  const slider = player.querySelector("input");
  const button = player.querySelector("button");
  const output = player.querySelector("output");
  const marks = [...card.querySelectorAll("[data-at]")];
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Stockholm", dateStyle: "short", timeStyle: "short" });
  let timer = 0;

  const draw = () => {
    const now = Number(slider.value);
    marks.forEach((mark) => mark.classList.toggle("later", Number(mark.dataset.at) > now));
    const text = shown.format(new Date(now * 1000));
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = card.dataset.play;
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === slider.max) slider.value = slider.min;
    button.textContent = card.dataset.stop;
    const step = (slider.max - slider.min) / 120;
    timer = setInterval(() => {
      slider.value = Number(slider.value) + step;
      draw();
      if (Number(slider.value) >= Number(slider.max)) stop();
    }, 50);
  });
  slider.addEventListener("input", () => { if (timer) stop(); draw(); });
  player.hidden = false;

  draw();
}
