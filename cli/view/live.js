
// Keeps a page of convo view up to date: the server tells which runs have news, and this asks for the page again and takes
// the parts over that differ. What was opened, unchecked or focused stays so.
const own = /^\/run\/(\d+)/.exec(location.pathname)?.[1], state = document.getElementById('state');
const parts = ['state', 'shown', 'figures', 'curves', 'steps', 'rate', 'table', 'pending'];
let source, timer, whole = false, asking = false, again = false;

const shown = {};
function takeOver(id, was, now) {
  if (!now || shown[id] === now.outerHTML) return;
  shown[id] = now.outerHTML;
  for (const box of was.querySelectorAll('input'))
    if (now.querySelector(`#${box.id}`)) now.querySelector(`#${box.id}`).checked = box.checked;
  const focus = [...was.querySelectorAll('a, input, img, svg')].indexOf(document.activeElement);
  prepare(now);
  was.replaceWith(now);
  if (focus >= 0) now.querySelectorAll('a, input, img, svg')[focus]?.focus({ preventScroll: true });
}
async function refresh() {
  if (asking) return again = true;
  asking = true;
  const scores = whole;
  whole = false;
  try {
    const answer = await fetch(scores || own === undefined ? location.href : document.body.dataset.live);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const main = document.querySelector('main');
    for (const id of scores ? [...parts, 'scores'] : parts) {
      const was = document.getElementById(id), now = page.getElementById(id);
      if (was && now) takeOver(id, was, now);
      else if (was) {
        if (id === 'pending' && !scores) whole = again = true; // confusions and mistakes are there
      } else if (now && id !== 'pending') { // the first epoch, the first step
        const before = parts.slice(0, parts.indexOf(id)).map(name => document.getElementById(name)).findLast(part => part);
        prepare(now);
        if (before) before.after(now); else main.prepend(now);
      }
    }
  } catch { lost(); }
  asking = false;
  if (again) { again = false; soon(); }
}
const soon = () => timer ??= setTimeout(() => { timer = undefined; refresh(); }, 250);
const lost = () => document.body.classList.add('lost');
function open() {
  source?.close();
  source = new EventSource('/events');
  source.onopen = () => { document.body.classList.remove('lost'); soon(); };
  source.onerror = () => {
    lost();
    if (source.readyState === EventSource.CLOSED && !document.hidden) setTimeout(open, 3000); // it was refused
  };
  source.onmessage = ({ data }) => {
    const { changed, scored } = JSON.parse(data);
    if (own === undefined || changed.includes(+own)) soon();
    if (scored.includes(+own)) whole = true;
  };
}
open();
// A browser allows few connections to a server: a page that nobody sees gives its own back.
document.addEventListener('visibilitychange', () => { source.close(); if (!document.hidden) open(); });
