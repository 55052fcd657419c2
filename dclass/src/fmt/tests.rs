//! DC text in, layout out.

use crate::{DcFile, Source, format_source, parse as parse_all};

#[track_caller]
fn layout(text: &str) -> String {
    match format_source(&Source::new("test.dc", text)) {
        Ok(text) => text,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

const UNTIDY: &str = "from game.chat import Chat/AI/UD,
   Log
import direct.DistributedObject // The base.
// What follows is no import.


keyword   custom ;typedef uint16/10 Metres;
struct Point{ int16 x=-5 ; Metres   y = 1.5;};


dclass   Empty{ };
dclass Avatar:Empty
{

\tsetPoint( Point p = {1,  2} , string(0-20) name=\"a  b\" ) required   broadcast ram; // Where.
  /* Two lines,
     kept. */
  setBytes(uint8 [ ] bytes = [1*5, 3], blob raw=<0100ff>) db custom;
\tsetRange ( int8(-5 - -1, 3-5) r,
\t\tuint8 % 100 m )  clsend ;


  setName(string)required broadcast ram;setAll:setPoint,
    setName;


};
";

const TIDY: &str = "from game.chat import Chat/AI/UD,
  Log
import direct.DistributedObject // The base.
// What follows is no import.

keyword custom;
typedef uint16/10 Metres;
struct Point {
  int16 x = -5;
  Metres y = 1.5;
};

dclass Empty {};
dclass Avatar : Empty {
  setPoint(Point p = { 1, 2 }, string(0-20) name = \"a  b\") required broadcast ram; // Where.
  /* Two lines,
     kept. */
  setBytes(uint8[] bytes = [1*5, 3], blob raw = <0100ff>) db custom;
  setRange(int8(-5 - -1, 3-5) r,
    uint8%100 m) clsend;

  setName(string) required broadcast ram;
  setAll : setPoint,
    setName;
};
";

#[test]
fn a_layout_tidies() {
    assert_eq!(layout(UNTIDY), TIDY);
}

fn parse(text: &str) -> DcFile {
    match parse_all(&[Source::new("test.dc", text)]) {
        Ok(dc) => dc,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn a_layout_means_the_same() {
    assert_eq!(parse(UNTIDY).hash(), parse(TIDY).hash());
}

/// Checks that `text` stays as it is.
#[track_caller]
fn check_kept(text: &str) {
    assert_eq!(layout(text), text);
}

#[test]
fn a_tidy_text_stays_as_it_is() {
    check_kept(TIDY);
    check_kept("");
    check_kept("// Only a comment.\n");
    check_kept("dclass A {\n  // Only a comment.\n};\n");
    check_kept("import a.b /* why */\nfrom a import *\n\ndclass A {};\n");
    check_kept("struct A {\n  uint8 a; /* one */ // two\n  uint8 b;\n};\n");
    check_kept("struct A {\n  f(uint8 a, // one\n    uint8 b) ram;\n};\n");
    check_kept("struct A {\n  B b = { 1 // one\n    };\n};\n");
    check_kept("struct A {\n  string a = \"\\\"//\";\n  char b = '\\'';\n};\n");
}

#[test]
fn a_switch_has_its_cases_below_it() {
    let text = "struct A{switch Kind(uint8 kind = 1){case 1 :uint8 a;break ;
        case 2:

        case 3: string b;  default: blob c;};uint8 d;};";
    let expected = "\
struct A {
  switch Kind(uint8 kind = 1) {
    case 1:
      uint8 a;
      break;
    case 2:

    case 3:
      string b;
    default:
      blob c;
  };
  uint8 d;
};
";
    assert_eq!(layout(text), expected);
    check_kept(expected);
}

#[test]
fn other_line_ends_and_marks_go() {
    let text = "\u{feff}dclass A {\r\n  // c\r\n  f();\r\n};\r\n\r\n\r\n";
    assert_eq!(layout(text), "dclass A {\n  // c\n  f();\n};\n");
}
