/**
 * Characters that tell a terminal or a notebook to do something (escape sequences begin with one; a carriage return writes over
 * the line), and those that turn the direction of the text around them.
 */
const acting = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text that comes from elsewhere, safe to print: control characters but for tab and line feed are shown (`␛[2J`), not executed.
 */
export function visible(text: string): string {
  return text.replace(acting, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "␡" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
