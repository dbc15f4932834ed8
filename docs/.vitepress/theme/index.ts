import { type EnhanceAppContext, withBase } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { h } from "vue";
import "./style.css";

const PlaygroundFrame = () =>
  h("iframe", {
    class: "playground",
    src: withBase("/play/index.html"),
    title: "The Whybox playground",
    allow: "camera; fullscreen; cross-origin-isolated",
  });

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }: EnhanceAppContext) => void app.component("PlaygroundFrame", PlaygroundFrame),
};
