/** A work that the report cites. Authors are written `First M. Last`, with `Last, Suffix, First` for suffixes. */
export interface Work {
  type: "article" | "inproceedings" | "book" | "misc";
  authors: readonly string[];
  title: string;
  year: number;
  /** Journal or proceedings. */
  container?: string;
  volume?: string;
  number?: string;
  pages?: string;
  publisher?: string;
  /** arXiv number. */
  arxiv?: string;
  url?: string;
}

export const bibliography = {
  chung2022: {
    type: "misc",
    authors: [
      "Hyung Won Chung",
      "Le Hou",
      "Shayne Longpre",
      "Barret Zoph",
      "Yi Tay",
      "William Fedus",
      "others",
    ],
    title: "Scaling Instruction-Finetuned Language Models",
    year: 2022,
    arxiv: "2210.11416",
  },
  efron1979: {
    type: "article",
    authors: ["Bradley Efron"],
    title: "Bootstrap Methods: Another Look at the Jackknife",
    container: "The Annals of Statistics",
    volume: "7",
    number: "1",
    pages: "1–26",
    year: 1979,
  },
  holm1979: {
    type: "article",
    authors: ["Sture Holm"],
    title: "A Simple Sequentially Rejective Multiple Test Procedure",
    container: "Scandinavian Journal of Statistics",
    volume: "6",
    number: "2",
    pages: "65–70",
    year: 1979,
  },
  holtzman2020: {
    type: "inproceedings",
    authors: ["Ari Holtzman", "Jan Buys", "Li Du", "Maxwell Forbes", "Yejin Choi"],
    title: "The Curious Case of Neural Text Degeneration",
    container: "International Conference on Learning Representations",
    year: 2020,
  },
  hu2022: {
    type: "inproceedings",
    authors: [
      "Edward J. Hu",
      "Yelong Shen",
      "Phillip Wallis",
      "Zeyuan Allen-Zhu",
      "Yuanzhi Li",
      "Shean Wang",
      "Lu Wang",
      "Weizhu Chen",
    ],
    title: "LoRA: Low-Rank Adaptation of Large Language Models",
    container: "International Conference on Learning Representations",
    year: 2022,
  },
  jandaghi2023: {
    type: "misc",
    authors: ["Pegah Jandaghi", "XiangHai Sheng", "Xinyi Bai", "Jay Pujara", "Hakim Sidahmed"],
    title: "Faithful Persona-based Conversational Dataset Generation with Large Language Models",
    year: 2023,
    arxiv: "2312.10007",
  },
  koehn2004: {
    type: "inproceedings",
    authors: ["Philipp Koehn"],
    title: "Statistical Significance Tests for Machine Translation Evaluation",
    container: "Proceedings of the Conference on Empirical Methods in Natural Language Processing",
    pages: "388–395",
    year: 2004,
  },
  kudo2018: {
    type: "inproceedings",
    authors: ["Taku Kudo", "John Richardson"],
    title:
      "SentencePiece: A Simple and Language Independent Subword Tokenizer and Detokenizer for Neural Text Processing",
    container:
      "Proceedings of the Conference on Empirical Methods in Natural Language Processing: System Demonstrations",
    pages: "66–71",
    year: 2018,
  },
  lewis2020: {
    type: "inproceedings",
    authors: [
      "Patrick Lewis",
      "Ethan Perez",
      "Aleksandra Piktus",
      "Fabio Petroni",
      "Vladimir Karpukhin",
      "Naman Goyal",
      "Heinrich Küttler",
      "Mike Lewis",
      "Wen-tau Yih",
      "Tim Rocktäschel",
      "Sebastian Riedel",
      "Douwe Kiela",
    ],
    title: "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks",
    container: "Advances in Neural Information Processing Systems",
    volume: "33",
    pages: "9459–9474",
    year: 2020,
  },
  li2016: {
    type: "inproceedings",
    authors: ["Jiwei Li", "Michel Galley", "Chris Brockett", "Jianfeng Gao", "Bill Dolan"],
    title: "A Diversity-Promoting Objective Function for Neural Conversation Models",
    container:
      "Proceedings of the Conference of the North American Chapter of the Association for Computational Linguistics: Human Language Technologies",
    pages: "110–119",
    year: 2016,
  },
  lin2004: {
    type: "inproceedings",
    authors: ["Chin-Yew Lin"],
    title: "ROUGE: A Package for Automatic Evaluation of Summaries",
    container: "Text Summarization Branches Out",
    pages: "74–81",
    year: 2004,
  },
  loshchilov2019: {
    type: "inproceedings",
    authors: ["Ilya Loshchilov", "Frank Hutter"],
    title: "Decoupled Weight Decay Regularization",
    container: "International Conference on Learning Representations",
    year: 2019,
  },
  mangrulkar2022: {
    type: "misc",
    authors: [
      "Sourab Mangrulkar",
      "Sylvain Gugger",
      "Lysandre Debut",
      "Younes Belkada",
      "Sayak Paul",
      "Benjamin Bossan",
    ],
    title: "PEFT: State-of-the-art Parameter-Efficient Fine-Tuning Methods",
    year: 2022,
    url: "https://github.com/huggingface/peft",
  },
  noreen1989: {
    type: "book",
    authors: ["Eric W. Noreen"],
    title: "Computer-Intensive Methods for Testing Hypotheses: An Introduction",
    publisher: "Wiley",
    year: 1989,
  },
  onnxruntime: {
    type: "misc",
    authors: ["ONNX Runtime developers"],
    title: "ONNX Runtime",
    year: 2021,
    url: "https://onnxruntime.ai",
  },
  papineni2002: {
    type: "inproceedings",
    authors: ["Kishore Papineni", "Salim Roukos", "Todd Ward", "Wei-Jing Zhu"],
    title: "BLEU: A Method for Automatic Evaluation of Machine Translation",
    container: "Proceedings of the Annual Meeting of the Association for Computational Linguistics",
    pages: "311–318",
    year: 2002,
  },
  post2018: {
    type: "inproceedings",
    authors: ["Matt Post"],
    title: "A Call for Clarity in Reporting BLEU Scores",
    container: "Proceedings of the Conference on Machine Translation: Research Papers",
    pages: "186–191",
    year: 2018,
  },
  raffel2020: {
    type: "article",
    authors: [
      "Colin Raffel",
      "Noam Shazeer",
      "Adam Roberts",
      "Katherine Lee",
      "Sharan Narang",
      "Michael Matena",
      "Yanqi Zhou",
      "Wei Li",
      "Peter J. Liu",
    ],
    title: "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
    container: "Journal of Machine Learning Research",
    volume: "21",
    number: "140",
    pages: "1–67",
    year: 2020,
  },
  riezler2005: {
    type: "inproceedings",
    authors: ["Stefan Riezler", "John T. Maxwell"],
    title: "On Some Pitfalls in Automatic Evaluation and Significance Testing for MT",
    container:
      "Proceedings of the ACL Workshop on Intrinsic and Extrinsic Evaluation Measures for Machine Translation and/or Summarization",
    pages: "57–64",
    year: 2005,
  },
  robertson2009: {
    type: "article",
    authors: ["Stephen Robertson", "Hugo Zaragoza"],
    title: "The Probabilistic Relevance Framework: BM25 and Beyond",
    container: "Foundations and Trends in Information Retrieval",
    volume: "3",
    number: "4",
    pages: "333–389",
    year: 2009,
  },
  salton1988: {
    type: "article",
    authors: ["Gerard Salton", "Christopher Buckley"],
    title: "Term-Weighting Approaches in Automatic Text Retrieval",
    container: "Information Processing & Management",
    volume: "24",
    number: "5",
    pages: "513–523",
    year: 1988,
  },
  shazeer2020: {
    type: "misc",
    authors: ["Noam Shazeer"],
    title: "GLU Variants Improve Transformer",
    year: 2020,
    arxiv: "2002.05202",
  },
  smilkov2019: {
    type: "inproceedings",
    authors: [
      "Daniel Smilkov",
      "Nikhil Thorat",
      "Yannick Assogba",
      "Ann Yuan",
      "Nick Kreeger",
      "Ping Yu",
      "others",
    ],
    title: "TensorFlow.js: Machine Learning for the Web and Beyond",
    container: "Proceedings of Machine Learning and Systems",
    volume: "1",
    year: 2019,
  },
  vaswani2017: {
    type: "inproceedings",
    authors: [
      "Ashish Vaswani",
      "Noam Shazeer",
      "Niki Parmar",
      "Jakob Uszkoreit",
      "Llion Jones",
      "Aidan N. Gomez",
      "Łukasz Kaiser",
      "Illia Polosukhin",
    ],
    title: "Attention Is All You Need",
    container: "Advances in Neural Information Processing Systems",
    volume: "30",
    year: 2017,
  },
  zhang2018: {
    type: "inproceedings",
    authors: ["Saizheng Zhang", "Emily Dinan", "Jack Urbanek", "Arthur Szlam", "Douwe Kiela", "Jason Weston"],
    title: "Personalizing Dialogue Agents: I Have a Dog, Do You Have Pets Too?",
    container: "Proceedings of the Annual Meeting of the Association for Computational Linguistics",
    pages: "2204–2213",
    year: 2018,
  },
} as const satisfies Readonly<Record<string, Work>>;

/** @throws {Error} if there is no such work */
export function findWork(key: string): Work {
  const works: Readonly<Record<string, Work>> = bibliography;
  const work = Object.hasOwn(works, key) ? works[key] : undefined;
  if (!work) throw new Error(`the bibliography has no "${key}"`);
  return work;
}

/** A reference in parts, as IEEE writes them; the container is set in italics. */
export function ieeeReference(work: Work): { before: string; italic: string; after: string } {
  const { title, container, volume, number, pages, publisher, arxiv, url, year } = work;
  const authors = listAuthors(work.authors);
  if (work.type === "book")
    return { before: `${authors}, `, italic: title, after: `. ${publisher}, ${year}.` };
  const details = [volume && `vol. ${volume}`, number && `no. ${number}`, pages && `pp. ${pages}`];
  const where = [arxiv && `arXiv:${arxiv}`, ...details, String(year)].filter(Boolean).join(", ");
  const end = url ? `${where}. [Online]. Available: ${url}` : `${where}.`;
  const opening = `${authors}, “${title},” `;
  if (!container) return { before: opening + end, italic: "", after: "" };
  const inside = work.type === "inproceedings" ? "in " : "";
  return { before: opening + inside, italic: container, after: `, ${end}` };
}

/** `E. J. Hu, Y. Shen, and P. Wallis`; "others" is et al.; names of groups stay whole. */
function listAuthors(authors: readonly string[]): string {
  if (authors.at(-1) === "others") return `${authors.slice(0, -1).map(abbreviate).join(", ")} et al.`;
  const names = authors.map(abbreviate);
  if (names.length < 3) return names.join(" and ");
  return `${names.slice(0, -1).join(", ")}, and ${names.at(-1)}`;
}

function abbreviate(author: string): string {
  if (isGroup(author)) return author;
  const names = author.split(" ");
  const initials = names.slice(0, -1).map((name) =>
    name
      .split("-")
      .map((part) => `${part[0]!.toUpperCase()}.`)
      .join("-"),
  );
  return [...initials, names.at(-1)].join(" ");
}

/** Groups are written in lower case after their name: "ONNX Runtime developers". */
export function isGroup(author: string): boolean {
  return /^\p{Ll}/u.test(author.split(" ").at(-1)!);
}
