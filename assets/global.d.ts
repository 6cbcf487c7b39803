// What modules find on the window: Gradio's settings, plotly.js, and what page/index.js puts there.
interface Steering {
  moved(): void;
  calm(time?: number): void;
  place(): void;
  address(path: string): string;
  plotly(path: string): Promise<void>;
  tabs: { tell(): void; arrive(): void };
  onceSeen(element: Element, then: () => void): void;
  link: { open(): void; read(): string };
  keepSafe(on: boolean): void;
}

interface Window {
  steering: Steering;
  gradio_config?: { root?: string; api_prefix?: string };
  // plotly.js brings no types; its JSON is checked in Python.
  Plotly: any;
}

// plotly.js writes on the element that it draws in.
interface Plot extends HTMLElement {
  made?: boolean;
  data: any[];
  layout: any;
  _fullLayout: any;
  on(event: string, listener: (found: any) => void): void;
}

// What Gradio gives to the script of an HTML component.
interface Given {
  element: HTMLElement;
  props: { value: any; files: Record<string, string> };
  server: Record<string, (asked: unknown) => Promise<any>>;
  watch(name: string, listener: () => void): void;
  trigger(event: string, data: unknown): void;
}
