// Does what a reader does, and writes down what the page shows. Without a window no frames are drawn, so that scrolling is told by hand.
(async () => {
  const talk = document.querySelector(".talk");
  const wait = () => new Promise((go) => (talk.dispatchEvent(new Event("scroll")), setTimeout(go, 20)));
  const places = () => [...talk.children].map((node) => Number(node.dataset.place));
  const seen = {};
  const note = (name) => {
    const all = places();
    const inOrder = all.every((place, at) => at === 0 || place > all[at - 1]);
    seen[name] = { first: all[0], last: all[all.length - 1], few: all.length <= 160, inOrder };
  };
  const scroll = async (by) => {
    for (let round = 0; round < 3000; round++) {
      const before = talk.scrollTop;
      talk.scrollTop += by;
      await wait();
      if (talk.scrollTop === before) return;
    }
  };
  await wait();
  await scroll(700);
  note("down");
  await scroll(-700);
  note("up");
  const slider = document.querySelector(".position");
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
  note("slid");
  document.querySelector(".filters input").click();
  seen.usersWhenFiltered = talk.querySelectorAll(".voice-0").length;
  const tree = document.querySelector(".tree");
  for (const key of ["Home", "ArrowDown", "Enter"]) tree.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  seen.here = Number(document.querySelector(".here").dataset.place);
  document.documentElement.setAttribute("data-driven", JSON.stringify(seen));
})();
