// Reading what somebody types or holds out at the desk, and one spelling for names: as shared/i18n/folding.py has it.

const SCANNED = /\/registrations\/at\/([^/?#\s]{1,64})\/([0-9]{12})\/?$/;
const LETTERS = {
  ı: "i", ß: "ss", ł: "l", đ: "d", ø: "o", ґ: "г", ی: "ي", ى: "ي", ے: "ي", ک: "ك", ٱ: "ا", ة: "ه", ھ: "ه", ہ: "ه", ە: "ه",
  ء: "", ـ: "",
};

function digit(character) {
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(character.codePointAt(0) - value - 1))) value += 1;
  return String(value);
}

export function fold(text) {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}'`´\u2018\u2019\u02bc\u02bb\u2032]/gu, "")
    .replace(/\p{Nd}/gu, digit)
    .replace(/./gu, (letter) => LETTERS[letter] ?? letter)
    .replace(/[^\p{L}\p{Mc}\p{N}]+/gu, " ")
    .trim();
}

// `{digits, event}` for a code or a ticket, nothing for a name.
export function readTicket(text) {
  const scanned = SCANNED.exec(text.trim());
  if (scanned) return { event: scanned[1], digits: scanned[2] };
  const digits = fold(text).replaceAll(" ", "");
  return /^([0-9]{6}|[0-9]{12})$/.test(digits) ? { event: null, digits } : null;
}

export function byTicket(parties, digits) {
  return parties.filter((party) => party.ticket.startsWith(digits));
}

export function byName(parties, text) {
  const words = fold(text).split(" ").filter(Boolean);
  if (!words.length) return [];
  return parties.filter((party) => party.folded && words.every((word) => party.folded.includes(` ${word}`)));
}
