import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { endpointOf } from "../../src/chat-api/endpoint";

const key = "sk-1234567890";

describe("where the API is, is said by the environment alone", () => {
  for (const base of [
    "https://api.openai.com/v1",
    "http://127.0.0.1:8080/v1",
    "http://localhost:11434/v1",
    "http://[::1]:1/v1/",
  ])
    test(base, () => {
      const endpoint = endpointOf({ OPENAI_BASE_URL: base, OPENAI_API_KEY: key });
      assert.equal(endpoint.url("chat/completions").href, `${base.replace(/\/$/, "")}/chat/completions`);
      assert.deepEqual(endpoint.authorization(), { authorization: `Bearer ${key}` });
    });

  test("a server without a key gets none", () => {
    for (const none of [undefined, "", "  "])
      assert.deepEqual(
        endpointOf({ OPENAI_BASE_URL: "http://a.example/v1", OPENAI_API_KEY: none }).authorization(),
        {},
      );
  });

  test("the key is not shown", () => {
    const endpoint = endpointOf({ OPENAI_BASE_URL: "https://a.example/v1", OPENAI_API_KEY: key });
    for (const shown of [
      String(endpoint),
      JSON.stringify(endpoint),
      inspect(endpoint, { showHidden: true, depth: 9 }),
    ])
      assert.ok(!shown.includes(key), shown);
  });

  for (const [what, environment, says] of [
    ["no address", {}, /OPENAI_BASE_URL is not set: .*llama\.cpp/],
    ["an address without http", { OPENAI_BASE_URL: "localhost:80" }, /no address that begins with http/],
    ["a file", { OPENAI_BASE_URL: "file:///etc/passwd" }, /no address that begins with http/],
    [
      "a password in the address",
      { OPENAI_BASE_URL: "https://a:b@c.example/v1" },
      /put the key into OPENAI_API_KEY/,
    ],
    [
      "a key in the query",
      { OPENAI_BASE_URL: "https://c.example/v1?key=b" },
      /put the key into OPENAI_API_KEY/,
    ],
    [
      "a key over an open line",
      { OPENAI_BASE_URL: "http://c.example/v1", OPENAI_API_KEY: key },
      /not encrypted/,
    ],
    [
      "a host that only looks like this machine",
      { OPENAI_BASE_URL: "http://127.0.0.1.evil.example/v1", OPENAI_API_KEY: key },
      /not encrypted/,
    ],
    [
      "a key with a line break",
      { OPENAI_BASE_URL: "https://c.example/v1", OPENAI_API_KEY: "a\nb" },
      /copy it once more/,
    ],
  ] as const)
    test(`${what} is refused`, () => {
      assert.throws(
        () => endpointOf(environment),
        (error: Error) => {
          assert.match(error.message, says);
          assert.ok(!error.message.includes(key));
          return true;
        },
      );
    });
});
