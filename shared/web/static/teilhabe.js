// Conveniences on top of pages that work without them.
"use strict";

const SECONDS_UNTIL_A_FORM_MAY_GO_AGAIN = 8;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  setTimeout(() => release(form), SECONDS_UNTIL_A_FORM_MAY_GO_AGAIN * 1000);
});

function release(form) {
  delete form.dataset.sent;
  form.removeAttribute("aria-busy");
}

// A page that comes back from the browser's memory keeps its marks.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

function closeMenus(except) {
  document.querySelectorAll("details.t-menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.t-menu")));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.t-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
