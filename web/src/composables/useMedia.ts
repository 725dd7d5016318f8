import { onScopeDispose, ref, type Ref } from "vue";

/** Whether a media query holds, for what a page makes differently there and cannot merely style. */
export function useMedia(query: string): Readonly<Ref<boolean>> {
  const media = matchMedia(query);
  const holds = ref(media.matches);
  const look = () => (holds.value = media.matches);
  media.addEventListener("change", look);
  onScopeDispose(() => media.removeEventListener("change", look));
  return holds;
}
