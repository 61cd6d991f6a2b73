// Opens a page of `convo export -o page.html` in Chromium, headless, gives it files as a person does, then lets it listen
// to a recording as if from a microphone, and prints what it shows as JSON. The clip that it heard is saved as
// FOLDER/clip.wav. With PICTURE, also draws the page.
//
//   node web.mjs CHROMIUM PAGE WIDTH light|dark FOLDER HEARD.wav|'' PICTURE.png|'' FILE...
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { openBrowser } from './browser.mjs';

const [chromium, page, width, scheme, folder, heard, picture, ...files] = process.argv.slice(2);
const { call, evaluate, show, click, close, requests, messages } = await openBrowser(chromium, ['--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${resolve(heard || page)}`]);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const until = async condition => {
  for (let tries = 0; tries < 400 && !await evaluate(condition); tries++) await sleep(25);
};
const text = id => `document.getElementById('${id}').textContent`;
const seen = () => evaluate(`({ said: ${text('said')}, best: ${text('best')}, time: ${text('time')},
  scores: [...document.querySelectorAll('#scores li')].map(row => Number(row.querySelector('data').value)),
  words: [...document.querySelectorAll('#heard li')].reverse().map(row => ({ time: Number(row.dataset.time),
    label: row.querySelector('span').textContent, score: Number(row.querySelector('data').value) })) })`);

await show(page, +width, scheme);
await until(`${text('test')} !== ''`);
const result = { test: await evaluate(text('test')), title: await evaluate('document.title'), files: [] };
const { root } = await call('DOM.getDocument');
const { nodeId } = await call('DOM.querySelector', { nodeId: root.nodeId, selector: '#file' });
for (const [k, file] of files.entries()) {
  await evaluate(`${text('said')} = ''`);
  await evaluate(`document.getElementById('heard')?.setAttribute('data-end', '')`);
  if (k % 2) { // dropped
    const data = { items: [], files: [resolve(file)], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await call('Input.dispatchDragEvent', { type, x: 100, y: 300, data });
  } else { // chosen
    await call('DOM.setFileInputFiles', { files: [resolve(file)], nodeId });
  }
  await until(`${text('said')} !== ''`);
  await until(`document.getElementById('heard')?.dataset.end !== ''`);
  result.files.push(await seen());
}
if (heard) {
  const best = new Set();
  await click(`document.getElementById('listen')`);
  await until(`${text('said')}.startsWith('listening')`);
  for (let k = 0; k < 80; k++) {
    await sleep(50);
    best.add((await seen()).best);
  }
  await click(`document.getElementById('listen')`);
  await sleep(100);
  result.heard = { ...await seen(), labels: [...best] };
  await call('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: resolve(folder) });
  await click(`document.getElementById('save')`);
  for (let tries = 0; tries < 200 && !existsSync(`${folder}/clip.wav`); tries++) await sleep(25);
}
await sleep(100);
result.overflow = await evaluate('document.documentElement.scrollWidth - innerWidth');
result.requests = requests.slice(1).filter(url => !url.startsWith('blob:'));
console.log(JSON.stringify({ ...result, messages }));
if (picture) {
  const shot = await call('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png' });
  writeFileSync(picture, Buffer.from(shot.data, 'base64'));
}
close();
