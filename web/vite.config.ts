import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import Components from "unplugin-vue-components/vite";
import { ElementPlusResolver } from "unplugin-vue-components/resolvers";
import { defineConfig } from "vite";

const api = process.env["KUBEDOOR_API"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [
    vue(),
    // Only Element Plus comes by itself, with the styles of what is used; our own components are imported by name.
    Components({ dirs: [], dts: "src/types/element-plus.d.ts", resolvers: [ElementPlusResolver({ importStyle: "css" })] }),
  ],
  define: { __VUE_I18N_LEGACY_API__: false, __VUE_I18N_FULL_INSTALL__: true, __INTLIFY_PROD_DEVTOOLS__: false },
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  server: { host: "127.0.0.1", fs: { allow: [".", "../docs"] }, proxy: { "/api": { target: api }, "/healthz": { target: api } } },
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 900, manifest: true, reportCompressedSize: false },
});
