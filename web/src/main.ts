import "@fontsource/ibm-plex-sans/latin-400.css";
import "@fontsource/ibm-plex-sans/latin-500.css";
import "@fontsource/ibm-plex-sans/latin-600.css";
import "@fontsource/ibm-plex-mono/latin-400.css";
import "element-plus/theme-chalk/dark/css-vars.css";
import "element-plus/es/components/message/style/css";
import "./styles/tokens.css";
import "./styles/element.css";
import "./styles/base.css";
import { createApp } from "vue";
import App from "./App.vue";
import { firstLocale, i18n, showLocale } from "./locales";
import { router } from "./router";

await showLocale(firstLocale());
createApp(App).use(i18n).use(router).mount("#app");
