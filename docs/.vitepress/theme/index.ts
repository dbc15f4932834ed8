import { type EnhanceAppContext, withBase } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { h } from "vue";
import "./style.css";

const PlaygroundFrame = () => {
  const src = withBase("/play/index.html");
  const allow = "camera; fullscreen; cross-origin-isolated";
  return [
    h("iframe", { class: "playground", src, title: "The Whybox playground", allow }),
    h("p", h("a", { href: src }, "Open the playground on a page of its own")),
  ];
};

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }: EnhanceAppContext) => void app.component("PlaygroundFrame", PlaygroundFrame),
};
