// Opens a page in Chromium, headless, and prints what it is made of as JSON: console messages, requests that are no data
// URIs, whether it is wider than the window, whether its sounds can be played, and how large a picture and a chart become by
// clicks: [before, after one, after two, after Escape]. With FILE, also draws the page; `still` turns its script off.
//
//   node page.mjs CHROMIUM PAGE WIDTH light|dark|still [FILE.png]
//
// Speaks the DevTools protocol over two pipes: messages end with a 0 byte.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [chromium, page, width, scheme, picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'page-'));
const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--mute-audio',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--autoplay-policy=no-user-gesture-required', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

const waiting = new Map(), listeners = [];
let rest = '', last = 0;
browser.stdio[4].setEncoding('utf8').on('data', text => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages.map(m => JSON.parse(m))) {
    const { id, error, result } = message;
    if (!id) listeners.forEach(listen => listen(message));
    else if (error) waiting.get(id).reject(new Error(error.message));
    else waiting.get(id).resolve(result);
  }
});
let session;
const call = (method, params = {}) => new Promise((resolve, reject) => {
  waiting.set(++last, { resolve, reject });
  browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId: session }) + '\0');
});
const evaluate = async expression =>
  (await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;

const quit = setTimeout(() => { console.error('the browser does not answer'); browser.kill(); process.exit(1); }, 60000);
const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
const requests = [], messages = [];
listeners.push(({ method, params }) => {
  if (method === 'Network.requestWillBeSent' && !params.request.url.startsWith('data:')) requests.push(params.request.url);
  if (method === 'Log.entryAdded') messages.push(params.entry.text);
  if (method === 'Runtime.exceptionThrown') messages.push(params.exceptionDetails.text);
});
for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await call(`${domain}.enable`);
await call('Emulation.setScriptExecutionDisabled', { value: scheme === 'still' });
await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
await call('Emulation.setDeviceMetricsOverride', { width: +width, height: 900, deviceScaleFactor: 1, mobile: +width < 600 });
const loaded = new Promise(done => listeners.push(({ method }) => method === 'Page.loadEventFired' && done()));
await call('Page.navigate', { url: `file://${resolve(page)}` });
await loaded;

const seen = await evaluate(`({
  title: document.title,
  ground: getComputedStyle(document.body).backgroundColor,
  overflow: document.documentElement.scrollWidth - innerWidth,
  pictures: [...document.images].map(i => i.naturalWidth),
  charts: document.querySelectorAll('svg').length,
  audios: document.querySelectorAll('audio').length,
})`);

// What follows is done with mouse and keys, and works where scripts are off. An element is an expression in the page.
const click = async (element, across) => {
  const { x, y, width, height } = JSON.parse(await evaluate(`JSON.stringify(${element}.getBoundingClientRect())`));
  for (const type of ['mousePressed', 'mouseReleased'])
    await call('Input.dispatchMouseEvent', { type, x: x + across(width), y: y + height / 2, button: 'left', clickCount: 1 });
};
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
clearTimeout(quit);
browser.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
session = undefined;
call('Browser.close');
