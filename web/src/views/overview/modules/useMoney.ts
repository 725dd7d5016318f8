import { useI18n } from "vue-i18n";
import { numberFormat } from "@/format/numbers";

/** Cents are worth saying below this. */
const LARGE = 100;
const PRICE_DIGITS = 5;

/** Amounts of one currency as the chosen language writes them; `price` with the fractions that prices for an hour have. */
export function useMoney(currency: () => string) {
  const { locale } = useI18n();
  const written = (value: number, digits: Intl.NumberFormatOptions) => numberFormat(locale.value, { style: "currency", currency: currency(), ...digits }).format(value);
  return {
    amount: (value: number) => written(value, Math.abs(value) >= LARGE || value === 0 ? { maximumFractionDigits: 0, minimumFractionDigits: 0 } : {}),
    price: (value: number) => written(value, { maximumFractionDigits: PRICE_DIGITS }),
  };
}
