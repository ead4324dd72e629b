"""The look of the digest's page: paper and ink by day, the same by night, on a phone and on paper."""

STYLE = """
:root{
  color-scheme:light dark;
  --paper:#faf8f4;--card:#fffefb;--ink:#211e1a;--soft:#6a6358;--faint:#736c60;--rule:#e6e0d5;
    --hover:#f3efe7;
  --accent:#0b6a63;--code:#f3efe6;--shadow:0 1px 2px rgb(60 50 30/.05),0 4px 16px rgb(60 50 30/.04);
  --critical:#a80f2b;--high:#b84a07;--medium:#806000;--low:#4b6078;--good:#2b6b3f;
  --critical-bg:#fdecec;--high-bg:#fdf0e4;--medium-bg:#faf3d9;--low-bg:#ecf1f6;--good-bg:#e9f4ec;
  --serif:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L","Book Antiqua",Georgia,serif;
  --sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif;
  --mono:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
}
@media (prefers-color-scheme:dark){:root{
  --paper:#151618;--card:#1d1f22;--ink:#ebe7df;--soft:#a8a297;--faint:#948e84;--rule:#303236;
    --hover:#26282c;
  --accent:#64c9bd;--code:#27292d;--shadow:0 1px 2px rgb(0 0 0/.3);
  --critical:#ff8a93;--high:#ffae70;--medium:#e4c65c;--low:#a9bfd8;--good:#8fd0a0;
  --critical-bg:#40181e;--high-bg:#3b2413;--medium-bg:#332b10;--low-bg:#222c38;--good-bg:#1a3022;
}}
*{box-sizing:border-box}
html{scroll-padding-top:5rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--sans);overflow-wrap:anywhere}
.page{max-width:58rem;margin:0 auto;padding:0 1.25rem 4rem}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.18em}
h1,h2,h3,h4,p,ul,dl,dd,table{margin:0;padding:0}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
[hidden]{display:none!important}
code{font:.86em/1.5 var(--mono);background:var(--code);border-radius:4px;padding:.08em .32em}
pre{margin:.5rem 0 0;padding:.75rem .9rem;background:var(--code);border-radius:8px;overflow:auto;tab-size:4}
pre code{background:none;padding:0;font-size:.82rem;line-height:1.5;white-space:pre}

.sandbox{padding:.6rem 1.25rem;text-align:center;font-weight:600;color:#3a2a00;
  background:repeating-linear-gradient(-45deg,#ffd65c 0 14px,#ffcb38 14px 28px)}
header{padding:2.75rem 0 1.5rem}
.eyebrow{color:var(--soft);font-size:.85rem;letter-spacing:.02em;margin-bottom:.7rem}
.eyebrow b{color:var(--ink);font-weight:600}
h1{font:500 1.95rem/1.25 var(--serif);letter-spacing:-.01em;text-wrap:pretty;max-width:46rem}
h1 .call{color:var(--accent)}
h2{font:600 1.3rem/1.3 var(--serif);margin:2.6rem 0 .9rem;display:flex;gap:.6rem;align-items:baseline;
  flex-wrap:wrap}
h2 small,h3 small{font:400 .85rem var(--sans);color:var(--faint)}
h3{font:600 .95rem/1.4 var(--sans);margin:1.6rem 0 .6rem;display:flex;gap:0 .5rem;align-items:baseline;
  flex-wrap:wrap;overflow-wrap:break-word}
h3::before{content:"";width:.6rem;height:.6rem;border-radius:50%;background:var(--tone,var(--faint));
  align-self:center}

.tiles{display:flex;flex-wrap:wrap;gap:.25rem 2.2rem;margin-top:1.5rem;padding-top:1.1rem;
  border-top:1px solid var(--rule)}
.tiles div{display:flex;flex-direction:column-reverse}
.tiles dt{color:var(--soft);font-size:.8rem}
.tiles dd{font:500 1.45rem/1.2 var(--serif);font-variant-numeric:tabular-nums lining-nums;
  color:var(--tone,var(--ink))}

.needs{background:var(--card);border:1px solid var(--rule);border-left:4px solid var(--high);
  border-radius:10px;
  padding:1rem 1.25rem;box-shadow:var(--shadow)}
.needs h2{margin:0 0 .5rem;font-size:1.1rem}
.needs ul{padding-left:1.15rem}
.needs li{margin:.28rem 0}.needs li::marker{color:var(--high)}

.bar{position:sticky;top:0;z-index:2;margin:1.75rem -1.25rem 0;padding:.65rem 1.25rem;
  border-bottom:1px solid var(--rule);
  background:color-mix(in srgb,var(--paper) 93%,transparent);backdrop-filter:blur(8px);
  display:grid;gap:.45rem;font-size:.88rem}
.bar>div{display:flex;flex-wrap:wrap;gap:.45rem;align-items:center}
.bar input,.bar select,button{font:inherit;color:inherit;background:var(--card);
  border:1px solid var(--rule);
  border-radius:8px;padding:.36rem .6rem;min-height:2.15rem}
.bar input[type=search]{flex:1 1 12rem;min-width:0}
.bar #path{flex:0 1 14rem;min-width:0}
.bar select{max-width:10.5rem}
button{cursor:pointer}button:hover,.bar select:hover{background:var(--hover)}
.chips{display:flex;gap:.3rem;flex-wrap:wrap}
.chip{border-radius:99px;padding:.2rem .7rem;color:var(--tone);
  border-color:color-mix(in srgb,var(--tone) 35%,transparent)}
.chip[aria-pressed=true]{background:var(--tone);color:var(--card);border-color:var(--tone)}
.bar output{color:var(--soft);font-variant-numeric:tabular-nums}
.bar .end{margin-left:auto;display:flex;gap:.4rem;align-items:center}
.quiet{color:var(--soft);background:none}
kbd{font:.8em var(--mono);border:1px solid var(--rule);border-bottom-width:2px;border-radius:4px;
  padding:.05em .4em;background:var(--card)}

.critical{--tone:var(--critical);--tint:var(--critical-bg)}.high{--tone:var(--high);--tint:var(--high-bg)}
.medium{--tone:var(--medium);--tint:var(--medium-bg)}.low{--tone:var(--low);--tint:var(--low-bg)}
.good{--tone:var(--good);--tint:var(--good-bg)}
.item{scroll-margin:6rem 0 2rem}
.finding{background:var(--card);border:1px solid var(--rule);border-left:4px solid var(--tone);
  border-radius:10px;
  padding:.8rem 1.1rem .85rem;margin:.6rem 0;box-shadow:var(--shadow);content-visibility:auto;
    contain-intrinsic-size:auto 9rem}
.finding h4{font:600 1rem/1.4 var(--sans);text-wrap:pretty;padding-right:2rem;position:relative}
.mark{position:absolute;right:-.35rem;top:-.2rem;min-height:0;width:1.8rem;height:1.8rem;padding:0;
  border:0;background:none;color:var(--faint);font-size:1rem}
.marked>h4,.marked>p,.marked>div,.marked>details{opacity:.42}
.marked .mark{color:var(--good);opacity:1}
.meta{color:var(--soft);font-size:.86rem;margin-top:.2rem;display:flex;flex-wrap:wrap;gap:.1rem .55rem;
  align-items:baseline}
.meta>*:not(:last-child)::after{content:"·";margin-left:.55rem;color:var(--faint)}
.meta .loc{color:var(--ink)}.meta .loc code{background:var(--tint)}
.badge{color:var(--tone,var(--soft));font-weight:600}
.fix{margin-top:.55rem}
.fix pre{margin-top:.25rem;max-height:18rem}
.fix>b{font:500 .78rem var(--sans);color:var(--faint);display:block}
.words>*+*{margin-top:.5rem}.words ul,.words ol{padding-left:1.3rem}.words blockquote{margin:.5rem 0;
  padding-left:.8rem;border-left:2px solid var(--rule);color:var(--soft)}
.words h1,.words h2,.words h3,.words h4,.words h5,.words h6{font:600 1rem/1.4 var(--sans);display:block;
  margin-top:.7rem;padding:0}
.words h3::before{display:none}
.words table{border-collapse:collapse;font-size:.9rem}.words td,.words th{border:1px solid var(--rule);
  padding:.2rem .5rem}
summary{cursor:pointer;color:var(--soft);font-size:.88rem}
summary:hover{color:var(--ink)}
.finding>details{margin-top:.55rem}.finding>details[open]>summary{margin-bottom:.4rem}
.other{margin-top:.7rem;padding-top:.6rem;border-top:1px dashed var(--rule)}
.more>summary{padding:.5rem .2rem}
.rest{color:var(--soft);font-size:.88rem;padding:.5rem .2rem}
.known{border-left-style:dashed}
.item:focus{outline:2px solid var(--accent);outline-offset:2px}

.rows{background:var(--card);border:1px solid var(--rule);border-radius:10px;box-shadow:var(--shadow);
  overflow:hidden;list-style:none}
.row{display:grid;grid-template-columns:minmax(7rem,15rem) 1fr auto;gap:.2rem 1rem;padding:.55rem 1.1rem;
  align-items:baseline;border-top:1px solid var(--rule)}
.row.rest{display:block}
.row:first-child{border-top:0}.row .say{color:var(--soft);font-size:.92rem}
.row .tag{font-size:.8rem;border-radius:99px;padding:.05rem .6rem;background:var(--tint,var(--code));
  color:var(--tone,var(--soft));white-space:nowrap}
.why{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:.75rem 1.1rem;
  margin:.6rem 0;box-shadow:var(--shadow)}
.why h3{margin:0}.why p{color:var(--soft);font-size:.92rem;margin-top:.2rem}.why details{margin-top:.4rem}
.why ul{padding-left:1.15rem;font-size:.9rem;margin-top:.3rem}.why li span{color:var(--soft)}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:10px;
  box-shadow:var(--shadow)}
table.runs{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
.runs caption{text-align:left;color:var(--soft);padding:.6rem 1.1rem;font-size:.88rem}
.runs th,.runs td{padding:.5rem .8rem;text-align:right;border-top:1px solid var(--rule);
  white-space:nowrap;overflow-wrap:normal}
.runs th:nth-child(-n+2),.runs td:nth-child(-n+2){text-align:left}
.runs th:first-child,.runs td:first-child{padding-left:1.1rem}
.runs thead th{color:var(--soft);font-weight:500}
.account{margin:.2rem 0 .9rem;color:var(--soft)}.account b{color:var(--ink)}
.none{color:var(--soft);padding:2.5rem 0;text-align:center}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--rule);color:var(--faint);
  font-size:.82rem}
dialog{border:1px solid var(--rule);border-radius:12px;background:var(--card);color:var(--ink);
  padding:1.25rem 1.5rem;max-width:24rem}
dialog::backdrop{background:rgb(0 0 0/.35)}
dialog dl{display:grid;grid-template-columns:auto 1fr;gap:.45rem 1rem;margin-bottom:1rem}

@media (max-width:40rem){
  .page{padding:0 1rem 3rem}header{padding:1.5rem 0 1rem}h1{font-size:1.45rem}
  .tiles{display:grid;grid-template-columns:repeat(3,1fr);gap:.8rem 1rem}.tiles dd{font-size:1.2rem}
  .bar{margin:1.25rem -1rem 0;padding:.55rem 1rem;position:static}.bar input[type=search]{flex-basis:100%}
  .bar #path,.bar select{flex:1 1 8rem;max-width:none}.bar .end{margin-left:0}
  .finding{padding:.75rem .85rem}.row{grid-template-columns:1fr auto;padding:.6rem .85rem}
  .row .say{grid-column:1/-1;grid-row:2}
  .keys{display:none}.item{scroll-margin:1rem 0}html{scroll-padding-top:1rem}
}
@media print{
  :root{--paper:#fff;--card:#fff;--ink:#000;--soft:#333;--faint:#555;--rule:#bbb;--shadow:none;
    --code:#f3f3f3;
    --critical:#a80f2b;--high:#b84a07;--medium:#6a5000;--low:#3b4e63;--accent:#000;
    --critical-bg:#f3f3f3;--high-bg:#f3f3f3;--medium-bg:#f3f3f3;--low-bg:#f3f3f3}
  @page{margin:16mm 14mm}
  body{font-size:10pt}.page{max-width:none;padding:0}header{padding:0 0 1rem}h1{font-size:17pt}
  .bar,.mark,dialog,.scripted{display:none!important}
  .finding,.why,.row,.needs{break-inside:avoid}h2,h3,h4{break-after:avoid}
  .finding{content-visibility:visible}.fix pre,pre{max-height:none;overflow:visible}
  pre code{white-space:pre-wrap}
  .scroll{overflow:visible;border:0}.runs th,.runs td{padding:.25rem .4rem}
  details::details-content{content-visibility:visible;block-size:auto}
  summary{list-style:none}
}
"""
