/** What the program prints to: text with colour where it is a terminal, plain where it is a file, a pipe or NO_COLOR is set. */

export type Tone = "good" | "bad" | "caution" | "faint" | "strong";

export interface Terminal {
  readonly columns: number;
  /** A person reads along: not a file, a pipe or a journal. */
  readonly interactive: boolean;
  readonly coloured: boolean;
  print(text: string): void;
  /** To the error stream: what went wrong. */
  complain(text: string): void;
  paint(tone: Tone, text: string): string;
}

export interface TerminalOptions {
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const escapes: Readonly<Record<Tone, readonly [number, number]>> = {
  good: [32, 39],
  bad: [31, 39],
  caution: [33, 39],
  faint: [2, 22],
  strong: [1, 22],
};

const plainColumns = 100;
const narrowestColumns = 40;
const widestColumns = 120;

export function createTerminal({ output, errors, variables }: TerminalOptions): Terminal {
  const isTerminal = output.isTTY === true;
  const coloured = isTerminal && !variables["NO_COLOR"] && variables["TERM"] !== "dumb";
  return {
    get columns() {
      const columns = isTerminal ? (output.columns ?? plainColumns) : plainColumns;
      return Math.min(widestColumns, Math.max(narrowestColumns, columns));
    },
    interactive: isTerminal,
    coloured,
    print: (text) => void output.write(`${text}\n`),
    complain: (text) => void errors.write(`${text}\n`),
    paint(tone, text) {
      const [on, off] = escapes[tone];
      return coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
    },
  };
}

/** Lines of at most `columns` characters, broken between words; a longer word stands alone on its line. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** A label, padded, and its text wrapped beside it: a row of every list that we print. */
export function row(
  label: string,
  text: string,
  options: {
    readonly labelColumns: number;
    readonly columns: number;
    readonly paintLabel?: (label: string) => string;
  },
): string {
  const { labelColumns, columns, paintLabel = (plain) => plain } = options;
  const indent = " ".repeat(labelColumns + 4);
  const lines = wrap(text, Math.max(20, columns - indent.length));
  // A label that is wider than its column has the text begin on the next line.
  const gap =
    label.length > labelColumns ? `\n${indent}` : " ".repeat(labelColumns - label.length + 2);
  return `  ${paintLabel(label)}${gap}${lines.join(`\n${indent}`)}`;
}
