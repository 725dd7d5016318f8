import { config } from "@vue/test-utils";
import { i18n } from "@/locales";
import en from "@/locales/en";

i18n.global.setLocaleMessage("en", en);
config.global.plugins = [i18n];
