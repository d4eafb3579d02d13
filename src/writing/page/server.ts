import type { AnswerEvent, RoomContents, WriterState } from "./messages";

/** What the server does not take, with its status. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The page's server, asked with the token that stood in the page's address. */
export class Server {
  constructor(private readonly token: string) {}

  async contents(): Promise<RoomContents> {
    return (await (await this.ask("/api/room")).json()) as RoomContents;
  }

  /** @throws {Refused} if the server refuses it */
  async send(path: string, body: object): Promise<WriterState> {
    return (await (await this.ask(path, body)).json()) as WriterState;
  }

  /** Has the partner answer, and tells each event as it comes. */
  async listen(body: object, heard: (event: AnswerEvent) => void): Promise<void> {
    const response = await this.ask("/api/answer", body);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let waiting = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (waiting + value).split("\n");
      waiting = lines.pop()!;
      for (const line of lines) heard(JSON.parse(line) as AnswerEvent);
    }
  }

  private async ask(path: string, body?: object): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(path, {
        method: body ? "POST" : "GET",
        headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Refused(
        0,
        "The server does not answer. What was sent is saved; start npm run write again, and open the address that it shows.",
      );
    }
    if (response.ok) return response;
    const { problem } = (await response.json()) as { problem: string };
    throw new Refused(response.status, problem);
  }
}
