/** Numbers as a language writes them. A formatter takes forty times as long to make as to use, and a page of the list uses a thousand. */
const formats = new Map<string, Intl.NumberFormat>();

/** One formatter for each language and each `options`. */
export function numberFormat(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(locale, options)));
  return format;
}
