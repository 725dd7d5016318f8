// Runs before anything is painted, so that no page flashes in the wrong theme. A file of its own: the
// Content-Security-Policy allows no inline scripts.
(function () {
  var kept = {};
  try {
    kept = { theme: localStorage.getItem("kubedoor.theme"), locale: localStorage.getItem("kubedoor.locale") };
  } catch (error) {
    kept = {}; // Storage is forbidden: the defaults do.
  }
  var isDark =
    kept.theme === "dark" || (kept.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", isDark);
  var locale = kept.locale || (/^zh/i.test(navigator.language) ? "zh-CN" : "en");
  document.documentElement.lang = locale;
})();
