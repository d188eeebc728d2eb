// What the pages do beside htmx. Everything works without it, too.
"use strict";

// A part that changes by itself must not take the focus from under somebody's fingers.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (part.id === "live" && part.contains(document.activeElement)) event.preventDefault();
});

// What was opened stays open when its part is loaded anew.
document.addEventListener("htmx:beforeSwap", (event) => {
  const old = event.detail.target;
  if (old.id !== "live") return;
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  document.addEventListener("htmx:afterSettle", () => {
    document.querySelectorAll("#live details").forEach((one, number) => { one.open = one.open || Boolean(open[number]); });
  }, { once: true });
});

// When the console does not answer, what is on the screen is old: say so.
document.addEventListener("htmx:sseError", () => { document.getElementById("offline").hidden = false; });
document.addEventListener("htmx:sseOpen", () => { document.getElementById("offline").hidden = true; });

// A wall screen shows the time: one that stands still shows that, too.
const clock = document.getElementById("clock");
if (clock) {
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Stockholm", dateStyle: "short", timeStyle: "short" });
  const tick = () => { clock.textContent = shown.format(new Date()); };
  setInterval(tick, 1000);
  tick();
}
