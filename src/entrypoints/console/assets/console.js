// What makes the console quicker to use. Every page works without it.
"use strict";

(() => {
  const dialog = () => document.getElementById("dialog");

  // A status message that is there when a page opens is not announced: say it again, once the page is listened to.
  const announce = () => {
    const said = document.getElementById("said");
    if (!said) return;
    const text = said.textContent;
    said.textContent = "";
    setTimeout(() => { said.textContent = text; }, 150);
  };

  // A second click sends nothing. (Should one get through all the same, the server saves a form once.)
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
  // The page as it was when somebody comes back to it: its form can be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });

  // What a form would do is not asked for any more once it was sent.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.closest("form[data-sent]")) event.preventDefault();
  });
  // Leaving a page ends what it asked for: no fault to report. A download looks like leaving at first.
  let leaving = false;
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => { leaving = false; }, 10000);
  });
  document.addEventListener("htmx:beforeSend", (event) => {
    const { xhr } = event.detail;
    for (const name of ["onabort", "onerror"]) {
      const report = xhr[name];
      xhr[name] = (told) => { if (!leaving) report.call(xhr, told); };
    }
  });

  // A page that was fetched for the dialog is shown in it; what cannot be is opened as the page that it is.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "dialog-body") return;
    const opened = dialog();
    const content = opened.querySelector("#dialog-content");
    if (!content) {
      window.location.assign(event.detail.pathInfo.requestPath);
      return;
    }
    const heading = content.querySelector("h1, h2");
    if (heading) {
      heading.id = heading.id || "dialog-title";
      opened.setAttribute("aria-labelledby", heading.id);
    }
    if (!opened.open) opened.showModal();
    const first = content.querySelector("[autofocus]")
      || content.querySelector("input:not([type=hidden]), select, textarea, button:not([tabindex='-1']), a[href]");
    if (first) first.focus();
  });
  document.addEventListener("click", (event) => {
    const closing = event.target.closest("[data-close-dialog]");
    if (closing && closing.closest("dialog")) {
      event.preventDefault();
      closing.closest("dialog").close();
    }
  });
  document.addEventListener("close", (event) => {
    if (event.target.id === "dialog") document.getElementById("dialog-body").replaceChildren();
  }, true);
  // A page that was refused is opened, and says why. What a form would do is not: sending the form says it.
  document.addEventListener("htmx:responseError", (event) => {
    const { requestConfig, pathInfo } = event.detail;
    if (requestConfig.verb === "get") window.location.assign(pathInfo.requestPath);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // Copy what is shown once. Where the clipboard is not to be had, it stays selected.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      return;
    }
    const words = button.querySelector("[data-copied]");
    words.textContent = words.dataset.copied;
  });

  // What was typed before this page listened is shown as what it would do, too.
  const catchUp = () => {
    const differs = (field) => (/^(checkbox|radio)$/.test(field.type)
      ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
    for (const previewed of document.querySelectorAll("form div[hx-post]")) {
      if ([...previewed.querySelectorAll("input, textarea")].some(differs)) htmx.trigger(previewed, "change");
    }
  };

  const start = () => {
    announce();
    catchUp();
    // Where there are more tabs than fit, the one that is shown is among those that are seen.
    const tab = document.querySelector(".tabs [aria-current]");
    if (tab) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    const summary = document.getElementById("errors");
    if (summary) summary.focus();
  };
  document.addEventListener("DOMContentLoaded", start);  // a deferred script runs before it, and htmx is ready by then
})();
