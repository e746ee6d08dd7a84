// Starts Swagger UI on the document that the page names, and mends what it gets wrong for screen readers:
// parts outside any landmark, and headings that skip a level.
"use strict";

const place = document.getElementById("swagger-ui");

function setOn(selector, name, value) {
  place.querySelectorAll(`${selector}:not([${name}="${value}"])`).forEach((element) => element.setAttribute(name, value));
}

function mend() {
  setOn(".information-container, .scheme-container, section.models", "role", "region");
  setOn(".information-container", "aria-label", "About this API");
  setOn(".scheme-container", "aria-label", "Servers");
  setOn("section.models", "aria-label", "Schemas");
  setOn("h3.opblock-tag, section.models h4", "aria-level", "2");
  setOn(".opblock-section-header h4", "aria-level", "3");
}

new MutationObserver(mend).observe(place, { childList: true, subtree: true });

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: place.dataset.openapi,
    domNode: place,
    deepLinking: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
