// Brings the page up to date every two seconds while somebody looks at it, and
// says so when the agent no longer answers. Without it the page reloads itself.
setInterval(async () => {
  if (document.hidden) return;
  const pulse = document.getElementById("pulse");
  try {
    const answer = await fetch(location.pathname, {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(5000)});
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["verdicts", "body", "about"]) {
      const old = document.getElementById(id), fresh = next.getElementById(id);
      fresh.querySelectorAll("details").forEach((d, i) => { d.open = old.querySelectorAll("details")[i]?.open ?? d.open; });
      if (old.innerHTML !== fresh.innerHTML && !old.contains(document.activeElement) && getSelection().isCollapsed) old.replaceWith(fresh);
    }
    document.title = next.title;
    pulse.textContent = "live";
    pulse.className = "";
  } catch {
    if (pulse.className !== "gone") pulse.textContent = "no answer from the agent since " + new Date().toLocaleTimeString();
    pulse.className = "gone";
    document.title = "no answer: Wayside agent";
  }
}, 2000);
