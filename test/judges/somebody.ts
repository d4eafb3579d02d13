/** Sources for judges: one that says what a test wants, and one that obeys whatever is not between marks. */
import type { ChatRequest, ChatSource } from "../../src/chat-api/source";

const usage = { promptTokens: 1, completionTokens: 1 };

export interface Scripted extends ChatSource {
  readonly asked: ChatRequest[];
}

export function saying(answer: (request: ChatRequest, number: number) => string): Scripted {
  const asked: ChatRequest[] = [];
  return {
    name: "somebody",
    asked,
    ask: (request) => {
      asked.push(request);
      const text = answer(request, asked.length);
      return Promise.resolve({ text, finish: "stop" as const, usage, fromCache: false });
    },
  };
}

/** What a request says outside of its marks, and the texts between them by name. */
export function readRequest({ messages }: ChatRequest): { outside: string; parts: Record<string, string> } {
  const whole = messages.map(({ content }) => content).join("\n");
  const mark = /marks that hold (\w+) was written/.exec(whole)![1]!;
  const parts: Record<string, string> = {};
  const outside = whole.replace(
    new RegExp(`<<([\\w ]+) ${mark}>>\\n([\\s\\S]*?)\\n<<end of \\1 ${mark}>>`, "g"),
    (_, name: string, text: string) => {
      parts[name] = text;
      return "";
    },
  );
  return { outside, parts };
}
