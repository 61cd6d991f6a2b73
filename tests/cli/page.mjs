// Opens a page in Chromium, headless, and prints what it is made of as JSON: console messages, requests that are no data
// URIs, whether it is wider than the window, whether its sounds can be played, and how large a picture and a chart become by
// clicks: [before, after one, after two, after Escape]. With FILE, also draws the page; `still` turns its script off.
//
//   node page.mjs CHROMIUM PAGE WIDTH light|dark|still [FILE.png]
import { writeFileSync } from 'node:fs';
import { openBrowser } from './browser.mjs';

const [chromium, page, width, scheme, picture] = process.argv.slice(2);
const { call, evaluate, show: load, click, close, requests, messages } = await openBrowser(chromium);
await load(page, +width, scheme, scheme === 'still');

const seen = await evaluate(`({
  title: document.title,
  ground: getComputedStyle(document.body).backgroundColor,
  overflow: document.documentElement.scrollWidth - innerWidth,
  pictures: [...document.images].map(i => i.naturalWidth),
  charts: document.querySelectorAll('svg').length,
  audios: document.querySelectorAll('audio').length,
})`);

// What follows is done with mouse and keys, and works where scripts are off. An element is an expression in the page.
const show = element => evaluate(`${element}.scrollIntoView({ block: 'center' })`);

// The button is at the left of the controls.
const play = async audio => {
  await show(audio);
  await click(audio, () => 20);
  for (let tries = 0; tries < 100 && !await evaluate(`${audio}.currentTime > 0`); tries++)
    await new Promise(done => setTimeout(done, 20));
  return evaluate(`((a, played) => (a.pause(), a.currentTime = 0, played ? a.duration : 'silent'))(${audio}, ${audio}.currentTime > 0)`);
};
const sounds = [];
for (let k = 0; k < seen.audios; k++) sounds.push(await play(`document.querySelectorAll('audio')[${k}]`));

const zoom = async picture => {
  const largest = `(document.querySelector('dialog[open] > div > *') ?? ${picture})`;
  const widths = [], measure = async () => widths.push(await evaluate(`${largest}.getBoundingClientRect().width`));
  await show(picture);
  await measure();
  for (let clicks = 0; clicks < 2; clicks++) {
    await click(largest, width => width / 2);
    await measure();
  }
  for (const type of ['keyDown', 'keyUp'])
    await call('Input.dispatchKeyEvent', { type, key: 'Escape', code: 'Escape', windowsVirtualKeyCode: 27 });
  await measure();
  return widths;
};
const zooms = [];
for (const picture of [`document.querySelector('main img')`, `document.querySelector('main svg')`])
  if (await evaluate(`!!${picture}`)) zooms.push(await zoom(picture));
console.log(JSON.stringify({ ...seen, sounds, zooms, requests: requests.slice(1), messages }));
if (picture) {
  const shot = await call('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png' });
  writeFileSync(picture, Buffer.from(shot.data, 'base64'));
}
close();
