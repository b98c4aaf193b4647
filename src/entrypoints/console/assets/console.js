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
    setTimeout(release, UNANSWERED_MILLISECONDS, form);
  });
  const release = (form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  };
  // Somebody may have stopped an answer that took long, which no event tells: then the form can be sent again.
  const UNANSWERED_MILLISECONDS = 5000;
  // So it can on the page as it was when somebody comes back to it. But not after a sign-out: browsers keep whole pages
  // in memory for that, and ask nobody before they show one. Each sign-in page leaves a mark that pages before it lack.
  const signedOut = () => localStorage.getItem("signed-out");
  const signedOutBefore = signedOut();
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && signedOut() !== signedOutBefore) {
      document.body.replaceChildren();
      window.location.reload();
      return;
    }
    document.querySelectorAll("form[data-sent]").forEach(release);
  });

  // What a form would do is not asked for any more once it was sent.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.closest("form[data-sent]")) event.preventDefault();
  });
  // Nor twice for the same entries: who leaves the field that they typed into, towards a button, changes nothing, and
  // the button would be exchanged under their finger.
  const shown = new WeakMap();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (event.defaultPrevented || !elt.matches("form div[hx-post]")) return;
    const fields = [...elt.querySelectorAll("input, select, textarea")].filter((field) => !target.contains(field));
    const entries = JSON.stringify(fields.map((field) => [field.name, field.value, field.checked]));
    if (shown.get(elt) === entries) event.preventDefault();
    shown.set(elt, entries);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) shown.delete(event.detail.elt);
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
      window.location.assign(event.detail.pathInfo.finalRequestPath);
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
    if (requestConfig.verb === "get") window.location.assign(pathInfo.finalRequestPath);
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
    const differs = (field) => {
      if (field instanceof HTMLSelectElement) {
        // Without a choice of the page's own, the first one shows.
        const shown = [...field.options].findIndex((option) => option.defaultSelected);
        return field.selectedIndex !== Math.max(shown, 0);
      }
      return /^(checkbox|radio)$/.test(field.type)
        ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
    };
    for (const previewed of document.querySelectorAll("form div[hx-post]")) {
      if ([...previewed.querySelectorAll("input, select, textarea")].some(differs)) htmx.trigger(previewed, "change");
    }
  };

  const start = () => {
    if (document.querySelector("[data-signed-out]")) localStorage.setItem("signed-out", Date.now());
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
