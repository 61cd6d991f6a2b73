
// A click shows a picture as large as the window, further clicks twice as large each.
const dialog = document.querySelector('dialog'), [caption, place] = dialog.querySelectorAll('p, div');
function enlarge(picture) {
  const copy = picture.cloneNode(true), legend = picture.closest('.two')?.previousElementSibling;
  let scale = 1;
  copy.addEventListener('click', ({ clientX, clientY }) => {
    const box = copy.getBoundingClientRect(), x = (clientX - box.left) / box.width, y = (clientY - box.top) / box.height;
    scale = scale < 8 ? 2 * scale : 1;
    copy.style.width = copy.style.height = `${100 * scale}%`;
    place.scrollTo(x * place.scrollWidth - place.clientWidth / 2, y * place.scrollHeight - place.clientHeight / 2);
  });
  caption.replaceChildren(picture.alt ?? picture.ariaLabel, ' ', ...legend?.cloneNode(true).childNodes ?? []);
  place.replaceChildren(copy);
  dialog.showModal();
}
function prepare(element) {
  for (const picture of element.querySelectorAll('img, svg')) {
    picture.classList.add('zooms');
    picture.tabIndex = 0;
    picture.addEventListener('click', () => enlarge(picture));
    picture.addEventListener('keydown', ({ key }) => key === 'Enter' && enlarge(picture));
  }
}
prepare(document.querySelector('main'));
