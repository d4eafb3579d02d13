import { closePage, evaluate, openPage, printPage, sharedBrowser, takePicture } from "../figures";
import { paper, textHeight } from "./style";

/** A paper on its pages. */
export interface LaidOutPaper {
  /** The HTML with its text on pages; still without scripts. */
  html: string;
  pdf: Uint8Array;
  /** A picture of each page. */
  pages: Uint8Array[];
  /** What is larger than its column, by its beginning; nothing, if all is well. */
  overflows: string[];
}

/** Pixels of a page's picture for each CSS pixel. */
const pictureScale = 1.5;

/**
 * Puts the flow of a paper (from `renderHtml`) on two-column pages and draws them: text runs down the columns,
 * paragraphs are split between lines, tables and figures that do not fit where they stand go to the top of the next
 * column, those over both columns to the top of the next page, and the columns of the last page end level.
 *
 * @throws {BrowserMissingError} if there is no browser
 */
export async function layOutPages(html: string): Promise<LaidOutPaper> {
  const page = await openPage(await sharedBrowser());
  const problem = "the paper cannot be laid out";
  try {
    await evaluate(
      page,
      `document.open(); document.write(${JSON.stringify(html)}); document.close();`,
      problem,
    );
    const result = (await evaluate(page, `(${layOut})(${textHeight})`, problem)) as {
      html: string;
      corners: { x: number; y: number }[];
      overflows: string[];
    };
    const { width, height } = paper;
    const pages: Uint8Array[] = [];
    for (const corner of result.corners) {
      pages.push(await takePicture(page, { ...corner, width, height, scale: pictureScale }));
    }
    const pdf = await printPage(page, { width, height, tagged: true });
    return { html: result.html, pdf, pages, overflows: result.overflows };
  } finally {
    await closePage(page);
  }
}

/** Runs in the page. Lengths are CSS pixels. */
const layOut = `async function (height) {
  const flow = document.getElementById("flow");
  flow.getBoundingClientRect(); // asks for the fonts
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode()));
  const blocks = [...flow.children];
  flow.remove();

  // Formulas and values stay whole.
  const whole = ".katex, .value";
  // The places in a block where a line may begin: before words, formulas and values that follow a space.
  function* starts(block) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest(whole) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    let spaced = false;
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const range = document.createRange();
      if (node instanceof Text) {
        for (const match of node.data.matchAll(/[^ \\n]+/g)) {
          if (match.index > 0 || spaced) {
            range.setStart(node, match.index);
            range.setEnd(node, match.index + match[0].length);
            yield range;
          }
        }
        spaced = /[ \\n]$/.test(node.data);
      } else if (node.matches(whole)) {
        range.selectNode(node);
        if (spaced) yield range;
        spaced = false;
      }
    }
  }

  // Cuts what stands below the line "limit" off a block and returns it; nothing if a part would be a single line.
  function split(block, limit) {
    const line = parseFloat(getComputedStyle(block).lineHeight);
    const { top, bottom } = block.getBoundingClientRect();
    const last = Math.min(limit, bottom - 1.9 * line);
    if (last < top + 1.9 * line) return undefined;
    let at;
    for (const range of starts(block)) {
      if (range.getBoundingClientRect().bottom > last + 0.5) {
        at = range;
        break;
      }
    }
    if (!at) return undefined;
    at.collapse(true);
    at.setEndAfter(block.lastChild);
    const rest = block.cloneNode(false);
    rest.append(at.extractContents());
    (block.querySelector("li") ?? block).classList.add("cut");
    (rest.querySelector("li") ?? rest).classList.add("continued");
    return rest;
  }

  // Puts copies of all blocks on pages; on page "last" the text ends at "lastHeight".
  function arrange(last, lastHeight) {
    for (const page of document.querySelectorAll(".page")) page.remove();
    const pages = [];
    const overflows = [];
    const wide = [];
    const floats = [];
    let top, columns, side, room;
    let fullest = 0.7; // how much of a page may be wide blocks, as long as there is text to go under them
    const used = () => columns[side].getBoundingClientRect().height;
    const overflow = (block) => overflows.push([...block.textContent.trim()].slice(0, 80).join(""));

    function newPage() {
      const page = document.createElement("div");
      page.className = "page";
      page.innerHTML = '<div class="top"></div><div class="columns"><div></div><div></div></div><footer></footer>';
      page.querySelector("footer").textContent = String(pages.push(page));
      document.body.append(page);
      top = page.querySelector(".top");
      columns = page.querySelectorAll(".columns > div");
      while (wide.length > 0 && addOnTop(wide[0])) wide.shift();
      openColumn(0);
    }
    function addOnTop(block) {
      top.append(block);
      const taken = top.getBoundingClientRect().height;
      const alone = top.children.length === 1;
      if (taken > (alone ? height : fullest * height)) {
        if (!alone) {
          block.remove();
          return false;
        }
        overflow(block);
      }
      room = Math.max(0, (pages.length === last ? lastHeight : height) - taken);
      return true;
    }
    function openColumn(which) {
      side = which;
      const taken = top.getBoundingClientRect().height;
      room = Math.max(0, (pages.length === last ? lastHeight : height) - taken);
      while (floats.length > 0 && place(floats[0])) floats.shift();
      if (floats.length > 0 && used() === 0 && room >= 0.99 * height) {
        overflow(floats[0]);
        columns[side].append(floats.shift());
      }
    }
    const nextColumn = () => (side === 0 ? openColumn(1) : newPage());
    function place(block) {
      columns[side].append(block);
      if (used() <= room + 0.5) return true;
      block.remove();
      return false;
    }
    function placeText(block) {
      while (!place(block)) {
        const splittable = block.matches("p, ul");
        if (splittable) {
          columns[side].append(block);
          const limit = columns[side].getBoundingClientRect().top + room;
          const rest = split(block, limit);
          if (rest) {
            block = rest;
            nextColumn();
            continue;
          }
          block.remove();
        }
        if (used() === 0 && room >= 0.99 * height) {
          overflow(block);
          columns[side].append(block);
          return;
        }
        nextColumn();
      }
    }

    newPage();
    blocks.forEach((original, index) => {
      const block = original.cloneNode(true);
      if (block.matches("header")) {
        top.append(block);
        openColumn(0);
      } else if (block.matches(".wide")) {
        const fresh = side === 0 && used() === 0;
        if (!(fresh && wide.length === 0 && addOnTop(block))) wide.push(block);
      } else if (block.matches("figure")) {
        if (floats.length > 0 || !place(block)) floats.push(block);
      } else if (block.matches("h2, h3")) {
        const next = blocks[index + 1];
        const needed = next && next.matches("h3") ? 70 : 36;
        if (!place(block) || used() + needed > room) {
          block.remove();
          nextColumn();
          placeText(block);
        }
      } else placeText(block);
    });
    fullest = 1;
    while (floats.length > 0 || wide.length > 0) floats.length > 0 ? nextColumn() : newPage();
    for (const block of document.querySelectorAll(".columns > div > *")) {
      if (block.scrollWidth > block.clientWidth + 1) overflow(block);
    }
    return { pages, overflows };
  }

  let result = arrange(0, height);
  const count = result.pages.length;
  let [low, high] = [0, height];
  while (high - low > 8) {
    const middle = (low + high) / 2;
    const tried = arrange(count, middle);
    if (tried.pages.length === count && tried.overflows.length <= result.overflows.length) high = middle;
    else low = middle;
  }
  result = arrange(count, high);
  const corners = result.pages.map((page) => {
    const { x, y } = page.getBoundingClientRect();
    return { x: x + scrollX, y: y + scrollY };
  });
  const html = "<!DOCTYPE html>\\n" + document.documentElement.outerHTML + "\\n";
  return { html, corners, overflows: result.overflows };
}`;
