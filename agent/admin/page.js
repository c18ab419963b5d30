// Brings the page up to date every two seconds while somebody looks at it, and
// says so when the agent no longer answers. Without it the page reloads itself.
setInterval(async () => {
  if (document.hidden) return;
  const pulse = document.getElementById("pulse");
  try {
    const answer = await fetch(location.pathname, {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(5000)});
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const reading = !getSelection().isCollapsed; // leave the text that someone is copying
    for (const id of reading ? [] : ["verdicts", "body", "about"]) {
      document.getElementById(id).replaceChildren(...next.getElementById(id).childNodes);
    }
    document.title = next.title;
    pulse.textContent = reading ? "paused while text is selected" : "live";
    pulse.className = "";
  } catch {
    if (pulse.className !== "gone") pulse.textContent = "no answer from the agent since " + new Date().toLocaleTimeString();
    pulse.className = "gone";
    document.title = "no answer: Wayside agent";
  }
}, 2000);
