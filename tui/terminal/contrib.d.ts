/** The part of blessed-contrib that is used here; it has no types of its own. */
declare module "blessed-contrib/lib/widget/charts/line.js" {
  export type LineOptions = {
    screen: object;
    width: number;
    height: number;
    style: { line: number; text: number; baseline: number };
    xPadding: number;
    numYLabels: number;
    minY: number;
    maxY: number;
  };
  export type LineData = { title: string; x: string[]; y: number[]; style: { line: number } };
  /** A blessed box whose content is a canvas of braille; `ctx` is there after the event `attach`. */
  export default class Line {
    constructor(options: LineOptions);
    canvasSize: { width: number; height: number };
    ctx: {
      canvas: { frame(): string };
      beginPath(): void;
      moveTo(x: number, y: number): void;
      lineTo(x: number, y: number): void;
    };
    calcSize: () => void;
    emit(event: "attach"): boolean;
    setData(data: LineData[]): void;
  }
}
