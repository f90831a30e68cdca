/** What is used of noVNC, which brings no types. Source: its docs/API.md. */
declare module "@novnc/novnc" {
  /** What it needs of a WebSocket. */
  export interface Channel {
    binaryType: BinaryType;
    readonly protocol: string;
    readonly readyState: number;
    onopen: ((event: Event) => void) | null;
    onclose: ((event: CloseEvent) => void) | null;
    onerror: ((event: Event) => void) | null;
    onmessage: ((event: MessageEvent) => void) | null;
    send(bytes: Uint8Array<ArrayBuffer>): void;
    close(): void;
  }

  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: Channel, options?: { shared?: boolean });
    scaleViewport: boolean;
    background: string;
    focus(): void;
    sendCtrlAltDel(): void;
  }
}
