// Watches whether the page is up to date, and asks before what cannot be taken back. Asks this server alone.
(() => {
  "use strict";
  const PROBE_AFTER = 1500; // ms without an update before the server is asked whether it lives
  const LATE_AFTER = 2500; // ms without an update before the page counts as out of date though the server lives
  const RELOAD_AFTER = 8000;
  const LOOK_EVERY = 200;

  let beat = null;
  let beatAt = performance.now();
  let freshFor = ""; // s from then until prices do not come; empty where none is missed
  let gone = false; // the server does not answer
  let probing = false;
  let leaving = false;

  const read = () => document.querySelector("#rc-banner [data-beat]");
  const age = () => performance.now() - beatAt;

  const ask = async (path) => {
    const answer = await fetch(path, {
      signal: AbortSignal.timeout(1000), cache: "no-store", redirect: "manual", headers: {Accept: "application/json"},
    });
    return answer.status;
  };

  const probe = async () => {
    if (probing || leaving) return;
    probing = true;
    try {
      await ask("/livez");
      gone = false;
      if (age() > LATE_AFTER) {
        const status = await ask("/api/v1/prices");
        if (status === 401) {
          leaving = true;
          location.assign("/sign-in");
        } else if (age() > RELOAD_AFTER && !document.hidden) {
          leaving = true;
          location.reload();
        }
      }
    } catch {
      gone = true;
    } finally {
      setTimeout(() => { probing = false; }, 400);
    }
  };

  const notice = () => {
    let place = document.getElementById("rc-notice");
    if (!place) {
      place = document.createElement("div");
      place.id = "rc-notice";
      place.setAttribute("role", "alert");
      document.body.prepend(place);
    }
    return place;
  };

  const disable = (selector, off) => {
    for (const button of document.querySelectorAll(selector)) {
      if (off && !button.disabled) {
        button.disabled = true;
        button.dataset.rcOff = "";
      } else if (!off && "rcOff" in button.dataset) {
        button.disabled = false;
        delete button.dataset.rcOff;
      }
    }
  };

  const look = () => {
    const place = read();
    if (place && place.dataset.beat !== beat) {
      beat = place.dataset.beat;
      freshFor = place.dataset.freshFor;
      beatAt = performance.now();
      gone = false;
    }
    if (age() > PROBE_AFTER) probe();
    const late = gone || age() > LATE_AFTER;
    const stale = !late && Boolean(freshFor) && age() / 1000 >= Number(freshFor);
    const seconds = Math.floor(age() / 1000);
    let said = "";
    if (beat !== null && gone) said = `The engine does not answer. What is shown is ${seconds} s old.`;
    else if (beat !== null && late) said = `The page is not up to date. What is shown is ${seconds} s old.`;
    else if (stale) said = "No new prices. Stops cannot fire until they come back; Emergency Exit still sells.";
    document.body.classList.toggle("rc-late", late);
    document.body.classList.toggle("rc-waiting", beat === null);
    document.body.classList.toggle("rc-stale", stale);
    const shown = notice();
    if (shown.textContent !== said) shown.textContent = said;
    const none = late || beat === null;
    disable("button.command.urgent", none);
    disable("button.command:not(.urgent)", none || stale);
  };

  const blocked = (event) => {
    const button = event.target.closest?.("button.command");
    if (!button) return;
    const none = document.body.matches(".rc-late, .rc-waiting");
    if (none || (document.body.matches(".rc-stale") && !button.matches(".urgent"))) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  };

  const selected = () => document.getElementById("rc-selected");

  const confirm = ({text, action, word}) => new Promise((accept, refuse) => {
    const dialog = document.createElement("dialog");
    dialog.className = "rc-dialog";
    const form = document.createElement("form");
    form.method = "dialog";
    const question = document.createElement("p");
    question.textContent = text.replaceAll("{position}", selected()?.dataset.name ?? "");
    question.id = "rc-question";
    dialog.setAttribute("aria-labelledby", question.id);
    form.append(question);
    let field = null;
    const yes = document.createElement("button");
    yes.value = "yes";
    yes.textContent = action;
    yes.className = "rc-danger";
    if (word) {
      const label = document.createElement("label");
      label.textContent = `Type ${word} to go on`;
      field = document.createElement("input");
      field.autocomplete = "off";
      label.append(field);
      form.append(label);
      yes.disabled = true;
      field.addEventListener("input", () => { yes.disabled = field.value !== word; });
    }
    const no = document.createElement("button");
    no.type = "button";
    no.textContent = "Keep as it is";
    no.addEventListener("click", () => dialog.close("no"));
    const row = document.createElement("div");
    row.append(no, yes);
    form.append(row);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      const accepted = dialog.returnValue === "yes" && (!word || field.value === word);
      dialog.remove();
      if (accepted && !document.body.matches(".rc-late")) accept(word ?? "yes");
      else refuse(new Error("dismissed"));
    });
    document.body.append(dialog);
    dialog.showModal();
    (field ?? no).focus();
  });

  const dark = (on) => document.body.classList.toggle("dark", on);

  const choose = (event) => {
    const button = event.target.closest?.("[data-rc]");
    if (!button) return;
    if (button.dataset.rc === "theme") {
      const on = !document.body.classList.contains("dark");
      localStorage.setItem("ripcord-theme", on ? "dark" : "light");
      dark(on);
    } else if (button.dataset.rc === "tab") {
      const tabs = [...document.querySelectorAll("#rc-tabs [role=tab]")];
      tabs.find((tab) => tab.textContent.trim() === button.dataset.tab)?.click();
    } else if (button.dataset.rc === "sign-out") {
      leaving = true;
      fetch("/sign-out", {method: "POST", redirect: "manual"}).finally(() => location.assign("/sign-in"));
    }
  };

  const begin = () => {
    const theme = localStorage.getItem("ripcord-theme");
    if (theme) dark(theme === "dark");
    look();
  };

  window.ripcord = {confirm, shown: () => selected()?.dataset.id ?? ""};
  document.addEventListener("click", blocked, true);
  document.addEventListener("click", choose);
  setInterval(look, LOOK_EVERY);
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
